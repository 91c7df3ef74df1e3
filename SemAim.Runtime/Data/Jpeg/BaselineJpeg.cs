using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace SemAim.Runtime.Data.Jpeg;

/// <summary>
/// Decodes the part of an ordinary JPEG that a crop needs, with the pixels of libjpeg: 8 bits, Huffman codes, one scan, grey or YCbCr with 4:4:4, 4:2:2 or 4:2:0 chroma, as nearly all photographs are.
/// Only codes are read of what lies above and beside the crop, nothing of what lies below.
/// </summary>
/// <remarks>It judges nothing: whatever is unusual, damaged or large it leaves to the library, whose word is final. One instance per worker thread.
/// Most of a decode is reading codes; a library reads and transforms the whole picture, this a part of it, and it takes two coefficients with a look-up (<see cref="HuffmanTable"/>).</remarks>
internal sealed unsafe class BaselineJpeg : IDisposable
{
    private const int Behind = 512;                     // zeros behind the codes
    private const long MostPixels = 1 << 24;            // planes of samples stand beside the pixels; larger pictures are rare

    private readonly HuffmanTable[] _dc = [new(), new(), new(), new()], _ac = [new(), new(), new(), new()];
    private readonly ushort[][] _quantisers = [.. Enumerable.Range(0, 4).Select(_ => GC.AllocateArray<ushort>(64, pinned: true))];
    private readonly bool[] _hasQuantiser = new bool[4];
    private readonly Component[] _components = [new(), new(), new()];
    private byte* _planes;
    private nuint _planeBytes;
    private byte* _codes;                               // of the scan or its part up to a restart, and zeros
    private int _codeBytes;
    private short* _rows;                               // two rows of chroma at full resolution, two of sums
    private int _rowLength;

    /// <summary>Where it can run.</summary>
    internal static bool IsSupported => Avx2.IsSupported && BitConverter.IsLittleEndian;

    private sealed class Component
    {
        internal int Id, Horizontal, Vertical, Quantiser, Dc, Ac, Stride;
        internal byte* Plane;
    }

    // where a coefficient stands in its block, by its place in the codes
    private static ReadOnlySpan<byte> ZigZag =>
    [
        0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
        35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
    ];

    private int _width, _height, _count, _restart, _scan;

    /// <summary>Reads everything up to the scan. False: not a file for this decoder.</summary>
    internal bool TryReadHeader(ReadOnlySpan<byte> file, out int width, out int height)
    {
        (width, height, _width, _height, _count, _restart, _scan) = (0, 0, 0, 0, 0, 0, 0);
        Array.Clear(_hasQuantiser);
        Span<bool> dc = stackalloc bool[4], ac = stackalloc bool[4];
        dc.Clear();
        ac.Clear();
        bool jfif = false;
        int adobe = -1;
        if (!IsSupported || file.Length < 4 || file[0] != 0xFF || file[1] != 0xD8) return false;
        for (int at = 2; ;)
        {
            if (at + 4 > file.Length || file[at] != 0xFF) return false;
            byte marker = file[at + 1];
            if (marker == 0xFF) { at++; continue; }
            if (marker is <= 0x01 or (>= 0xD0 and <= 0xD9)) return false;                      // these have no length, and no place here
            int length = BinaryPrimitives.ReadUInt16BigEndian(file[(at + 2)..]);
            if (length < 2 || at + 2 + length > file.Length) return false;
            var segment = file.Slice(at + 4, length - 2);
            at += 2 + length;
            switch (marker)
            {
                case 0xC0 or 0xC1:
                    if (_count > 0 || !Frame(segment)) return false;
                    break;
                case 0xC4:
                    if (!Tables(segment, dc, ac)) return false;
                    break;
                case 0xDB:
                    if (!Quantisers(segment)) return false;
                    break;
                case 0xDD:
                    if (segment.Length != 2) return false;
                    _restart = BinaryPrimitives.ReadUInt16BigEndian(segment);
                    break;
                case 0xDA:
                    if (_count == 0 || !Scan(segment, dc, ac) || !IsYcc(jfif, adobe)) return false;
                    (_scan, width, height) = (at, _width, _height);
                    return true;
                case 0xE0:
                    jfif |= segment.Length >= 14 && segment.StartsWith("JFIF\0"u8);
                    break;
                case 0xEE:
                    if (segment.Length >= 12 && segment.StartsWith("Adobe"u8)) adobe = segment[11];
                    break;
                case 0xFE or (>= 0xE1 and <= 0xEF):
                    break;
                default:
                    return false;                                                              // progressive, arithmetic, lossless, and what nobody writes
            }
        }
    }

    // as libjpeg concludes it
    private bool IsYcc(bool jfif, int adobe)
        => _count == 1 || jfif || (adobe >= 0 ? adobe == 1 : _components[0].Id == 1 && _components[1].Id == 2 && _components[2].Id == 3);

    private bool Frame(ReadOnlySpan<byte> segment)
    {
        if (segment.Length < 6 || segment[0] != 8) return false;
        (_height, _width, _count) = (BinaryPrimitives.ReadUInt16BigEndian(segment[1..]), BinaryPrimitives.ReadUInt16BigEndian(segment[3..]), segment[5]);
        // chroma of fewer than three columns is not interpolated
        if (_count is not (1 or 3) || segment.Length != 6 + 3 * _count || _height == 0 || _width <= 4 || (long)_width * _height > MostPixels) return false;
        for (int i = 0; i < _count; i++)
        {
            var c = _components[i];
            (c.Id, c.Horizontal, c.Vertical, c.Quantiser) = (segment[6 + 3 * i], segment[7 + 3 * i] >> 4, segment[7 + 3 * i] & 15, segment[8 + 3 * i]);
            if (c.Quantiser > 3) return false;
            for (int k = 0; k < i; k++) if (_components[k].Id == c.Id) return false;
        }
        if (_count == 1)
        {
            // a single component is not interleaved, whatever its factors
            (_components[0].Horizontal, _components[0].Vertical) = (1, 1);
            return true;
        }
        var (y, cb, cr) = (_components[0], _components[1], _components[2]);
        return (cb.Horizontal, cb.Vertical, cr.Horizontal, cr.Vertical) == (1, 1, 1, 1) && (y.Horizontal, y.Vertical) is (1, 1) or (2, 1) or (2, 2);
    }

    private bool Tables(ReadOnlySpan<byte> segment, Span<bool> dc, Span<bool> ac)
    {
        while (segment.Length > 0)
        {
            if (segment.Length < 17) return false;
            int kind = segment[0] >> 4, number = segment[0] & 15, count = 0;
            for (int i = 1; i <= 16; i++) count += segment[i];
            if (kind > 1 || number > 3 || count > 256 || segment.Length < 17 + count) return false;
            if (!(kind == 0 ? _dc : _ac)[number].Define(segment.Slice(1, 16 + count), kind == 0)) return false;
            (kind == 0 ? dc : ac)[number] = true;
            segment = segment[(17 + count)..];
        }
        return true;
    }

    private bool Quantisers(ReadOnlySpan<byte> segment)
    {
        while (segment.Length > 0)
        {
            int wide = segment[0] >> 4, number = segment[0] & 15, bytes = 64 << wide;
            if (wide > 1 || number > 3 || segment.Length < 1 + bytes) return false;
            for (int i = 0; i < 64; i++)
            {
                int value = wide == 0 ? segment[1 + i] : BinaryPrimitives.ReadUInt16BigEndian(segment[(1 + 2 * i)..]);
                if (value is 0 or > 255) return false;
                _quantisers[number][ZigZag[i]] = (ushort)value;
            }
            _hasQuantiser[number] = true;
            segment = segment[(1 + bytes)..];
        }
        return true;
    }

    private bool Scan(ReadOnlySpan<byte> segment, ReadOnlySpan<bool> dc, ReadOnlySpan<bool> ac)
    {
        if (segment.Length != 4 + 2 * _count || segment[0] != _count) return false;
        for (int i = 0; i < _count; i++)
        {
            var c = _components[i];
            (int id, c.Dc, c.Ac) = (segment[1 + 2 * i], segment[2 + 2 * i] >> 4, segment[2 + 2 * i] & 15);
            if (id != c.Id || c.Dc > 3 || c.Ac > 3 || !dc[c.Dc] || !ac[c.Ac] || !_hasQuantiser[c.Quantiser]) return false;
        }
        return segment[^3] == 0 && segment[^2] == 63 && segment[^1] == 0;
    }

    /// <summary>Decodes a box of the picture whose header was read last. False: the scan is not in order, and a library has to judge it.</summary>
    /// <param name="target">room for the whole picture and 64 bytes</param>
    /// <param name="area">what the target then holds: the box, and up to 15 columns to its left</param>
    internal bool TryDecode(ReadOnlySpan<byte> file, Box box, byte* target, out Box area)
    {
        int left = box.X & ~15;
        area = new Box(left, box.Y, box.X + box.Width - left, box.Height);
        int unitWidth = 8 * _components[0].Horizontal, unitHeight = 8 * _components[0].Vertical;
        int columns = (_width + unitWidth - 1) / unitWidth, rows = (_height + unitHeight - 1) / unitHeight;
        // interpolated chroma looks two pixels further
        int firstColumn = Math.Max(0, box.X - 2) / unitWidth, lastColumn = Math.Min(_width - 1, box.X + box.Width + 1) / unitWidth;
        int firstRow = Math.Max(0, box.Y - 2) / unitHeight, lastRow = Math.Min(_height - 1, box.Y + box.Height + 1) / unitHeight;
        Reserve(columns, lastRow + 1, file.Length);
        fixed (byte* p = file)
        {
            if (!Read(p + _scan, p + file.Length, columns, rows, firstColumn, lastColumn, firstRow, lastRow)) return false;
        }
        Convert(area, target);
        return true;
    }

    private void Reserve(int columns, int rows, int codes)
    {
        nuint need = 0;
        for (int i = 0; i < _count; i++)
        {
            var c = _components[i];
            c.Stride = columns * 8 * c.Horizontal;
            need += (nuint)(c.Stride * 8 * c.Vertical) * (nuint)rows;
        }
        need += 256;                                                    // rows are read sixteen samples at a time
        if (codes + Behind > _codeBytes)
        {
            NativeMemory.AlignedFree(_codes);
            _codeBytes = 0;
            _codes = null;
            _codes = (byte*)NativeMemory.AlignedAlloc((nuint)(codes + codes / 2 + Behind), 64);
            _codeBytes = codes + codes / 2 + Behind;
        }
        if (need > _planeBytes)
        {
            NativeMemory.AlignedFree(_planes);
            _planeBytes = 0;
            _planes = null;
            _planes = (byte*)NativeMemory.AlignedAlloc(need + need / 4, 64);
            _planeBytes = need + need / 4;
        }
        byte* at = _planes + 64;
        for (int i = 0; i < _count; i++)
        {
            var c = _components[i];
            c.Plane = at;
            at += (long)c.Stride * 8 * c.Vertical * rows;
        }
        int length = columns * 16 + 128;
        if (length <= _rowLength) return;
        NativeMemory.AlignedFree(_rows);
        _rows = null;
        _rows = (short*)NativeMemory.AlignedAlloc((nuint)length * 4 * sizeof(short), 64);
        _rowLength = length;
    }

    [SkipLocalsInit]
    private bool Read(byte* scan, byte* end, int columns, int rows, int firstColumn, int lastColumn, int firstRow, int lastRow)
    {
        // behind a block what is written that is no coefficient of it
        short* block = stackalloc short[64 + 16], unwanted = stackalloc short[64 + 16];
        byte* places = stackalloc byte[129];
        new Span<byte>(places, 129).Fill(64);
        ZigZag.CopyTo(new Span<byte>(places + 1, 64));
        int blocks = 0;
        // blocks of a unit in the scan's order
        int* of = stackalloc int[6], across = stackalloc int[6], down = stackalloc int[6];
        uint** means = stackalloc uint*[3];
        ulong** runs = stackalloc ulong*[3];
        ushort** quantisers = stackalloc ushort*[3];
        int* mean = stackalloc int[3];
        for (int i = 0; i < _count; i++)
        {
            var c = _components[i];
            for (int v = 0; v < c.Vertical; v++)
                for (int h = 0; h < c.Horizontal; h++) (of[blocks], across[blocks], down[blocks++]) = (i, 8 * h, 8 * v);
            // pinned, and alive with this
            means[i] = (uint*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_dc[c.Dc].Entries));
            runs[i] = (ulong*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_ac[c.Ac].Pairs));
            quantisers[i] = (ushort*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_quantisers[c.Quantiser]));
            mean[i] = 0;
        }

        byte* last = Unstuff(ref scan, end);
        var codes = new CodeReader(_codes);
        int untilRestart = _restart, restarts = 0, extreme = 0;
        var extremes = Vector256<short>.Zero;
        for (int row = 0; row <= lastRow; row++)
        {
            bool rowIsWanted = row >= firstRow;
            for (int column = 0; column < columns; column++)
            {
                if (_restart > 0)
                {
                    if (untilRestart == 0)
                    {
                        // less than a byte is left before the marker, which is the next of its round of eight
                        if (!IsUsedUp(codes.Left(last)) || scan + 1 >= end || scan[1] != 0xD0 + (restarts++ & 7)) return false;
                        scan += 2;
                        last = Unstuff(ref scan, end);
                        codes = new CodeReader(_codes);
                        untilRestart = _restart;
                        for (int i = 0; i < _count; i++) mean[i] = 0;
                    }
                    untilRestart--;
                }
                bool wanted = rowIsWanted && column >= firstColumn && column <= lastColumn;
                for (int b = 0; b < blocks; b++)
                {
                    // a block takes at most 216 bytes, and so many zeros stand behind the last
                    if (codes.At > last + 8) return false;
                    int component = of[b];
                    var c = _components[component];
                    if (!codes.TryMean(means[component], _dc[c.Dc], out int difference)) return false;
                    mean[component] += difference;
                    int product = mean[component] * quantisers[component][0];
                    extreme |= product + 8192;
                    if (!wanted)
                    {
                        if (!codes.TryBlock(runs[component], _ac[c.Ac], places, unwanted, out _)) return false;
                        continue;
                    }
                    Vector256<short>.Zero.Store(block);
                    Vector256<short>.Zero.Store(block + 16);
                    Vector256<short>.Zero.Store(block + 32);
                    Vector256<short>.Zero.Store(block + 48);
                    if (!codes.TryBlock(runs[component], _ac[c.Ac], places, block, out bool isFlat)) return false;
                    block[0] = (short)mean[component];
                    byte* samples = c.Plane + ((long)row * 8 * c.Vertical + down[b]) * c.Stride + column * 8 * c.Horizontal + across[b];
                    if (isFlat) InverseTransform.Flat(product, samples, c.Stride);
                    else InverseTransform.Run(block, quantisers[component], samples, c.Stride, ref extremes);
                }
            }
            // coefficients that no picture has overflow differently in every implementation
            if ((extreme & ~16383) != 0 || extremes != Vector256<short>.Zero) return false;
        }
        // the last bits must have been there; of a scan that was read to its end nothing may be left but the end
        if (lastRow < rows - 1) return codes.Left(last) >= 0;
        return IsUsedUp(codes.Left(last)) && scan + 1 < end && scan[1] == 0xD9;
    }

    private static bool IsUsedUp(long bits) => bits is >= 0 and < 8;

    /// <summary>Copies the codes up to the next marker, without the zeros that follow each FF among them, and zeros behind.</summary>
    /// <param name="from">moved to the marker</param>
    /// <returns>the end of the codes</returns>
    private byte* Unstuff(ref byte* from, byte* end)
    {
        byte* at = from, to = _codes;
        var marker = Vector256.Create((byte)0xFF);
        while (at < end)
        {
            if (at + 32 <= end)
            {
                var bytes = Vector256.Load(at);
                bytes.Store(to);
                int plain = BitOperations.TrailingZeroCount(Vector256.Equals(bytes, marker).ExtractMostSignificantBits());
                at += plain;
                to += plain;
                if (plain == 32) continue;
            }
            else if (*at != 0xFF)
            {
                *to++ = *at++;
                continue;
            }
            if (at + 1 >= end || at[1] != 0) break;
            *to++ = 0xFF;
            at += 2;
        }
        from = at;
        new Span<byte>(to, Behind).Clear();
        return to;
    }

    private void Convert(Box area, byte* target)
    {
        var y = _components[0];
        int count = (area.Width + 15) & ~15;
        short* cb = _rows + 16, cr = cb + _rowLength, sums = cr + _rowLength;
        for (int row = area.Y; row < area.Y + area.Height; row++, target += (long)area.Width * 4)
        {
            byte* luma = y.Plane + (long)row * y.Stride + area.X;
            if (_count == 1)
            {
                ColourConversion.Grey(luma, target, count);
                continue;
            }
            Chroma(_components[1], row, area.X, count, sums, cb);
            Chroma(_components[2], row, area.X, count, sums, cr);
            ColourConversion.Convert(luma, cb, cr, target, count);
        }
    }

    private void Chroma(Component c, int row, int left, int count, short* sums, short* target)
    {
        var y = _components[0];
        if (y.Horizontal == 1)
        {
            ColourConversion.Centre(c.Plane + (long)row * c.Stride + left, target, count);
            return;
        }
        int width = (_width + 1) >> 1, first = left >> 1, samples = ((count >> 1) + 15) & ~15;
        // one sample more on either side, read in sixteens from the one before the first
        byte* near;
        if (y.Vertical == 2)
        {
            int height = (_height + 1) >> 1, own = row >> 1, other = Math.Clamp((row & 1) == 0 ? own - 1 : own + 1, 0, height - 1);
            near = c.Plane + (long)own * c.Stride + first - 1;
            ColourConversion.Blend(near, c.Plane + (long)other * c.Stride + first - 1, sums, samples + 16);
        }
        else
        {
            near = c.Plane + (long)row * c.Stride + first - 1;
            ColourConversion.Widen(near, sums, samples + 16);
        }
        // beyond the border stands the border
        if (first == 0) sums[0] = sums[1];
        if (width - first + 1 < samples + 16) sums[width - first + 1] = sums[width - first];
        if (y.Vertical == 2) ColourConversion.Double(sums + 1, target, samples, 8, 7, 4);
        else ColourConversion.Double(sums + 1, target, samples, 1, 2, 2);
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_planes);
        NativeMemory.AlignedFree(_rows);
        NativeMemory.AlignedFree(_codes);
        _planes = null;
        _rows = null;
        _codes = null;
        (_planeBytes, _rowLength, _codeBytes) = (0, 0, 0);
    }
}

using System.Runtime.InteropServices;

using SemAim.Runtime.Data;

namespace SemAim.Runtime.Native;

/// <summary>
/// libjpeg-turbo's TurboJPEG C API. Version 2.x is enough; tj3SetCroppingRegion (3.x) is probed and used when present.
/// One instance per worker thread; the error text of 2.x is thread-local, so read it on the calling thread.
/// </summary>
internal sealed unsafe class TurboJpeg : IDisposable
{
    private const int PixelFormatRgbx = 2;      // TJPF_RGBX
    private const int FlagLimitScans = 32768;   // TJFLAG_LIMITSCANS: refuse more than 500 progressive scans
    private const int InitDecompress = 1;       // TJINIT_DECOMPRESS
    private const int ParamSubsampling = 4, ParamWidth = 5, ParamHeight = 6, ParamColorSpace = 8, ParamScanLimit = 13;
    private const int ColorSpaceCmyk = 3, ColorSpaceYcck = 4;

    // libjpeg's recoverable messages (JWRN_*) that can reach us.
    private static readonly string[] s_warnings =
        ["Corrupt JPEG data", "Inconsistent progression sequence", "Unknown Adobe color transform", "Warning: unknown JFIF", "Invalid SOS parameters"];

    private static readonly Api s_api = Api.Load(Environment.GetEnvironmentVariable("SEMAIM_TURBOJPEG"));
    private readonly Api _api;
    private nint _handle;
    private byte[] _shortened = [];

    /// <summary>False when the library is missing: decode with Skia, at half the speed, and say so once.</summary>
    public static bool IsAvailable => s_api.Decompress2 != null;

    public static bool HasRegionDecode => s_api.SetCroppingRegion != null;

    public TurboJpeg() : this(s_api)
    {
    }

    /// <summary>For tests: entry points of their own.</summary>
    internal TurboJpeg(Api api)
    {
        _api = api;
        if (_api.Decompress2 == null) throw new DllNotFoundException("libturbojpeg was not found");
        Create();
    }

    /// <summary>For tests: the library's entry points.</summary>
    internal static Api Library => s_api;

    private bool Regions => _api.SetCroppingRegion != null;

    private void Create()
    {
        _handle = Regions ? _api.Init3(InitDecompress) : _api.InitDecompress();
        if (_handle == 0) throw new InvalidOperationException("libturbojpeg could not create a decompressor");
        if (Regions) _api.Set(_handle, ParamScanLimit, 500);
    }

    private void Recreate()
    {
        _api.Destroy(_handle);
        Create();
    }

    /// <summary>
    /// False: a valid JPEG that TurboJPEG cannot turn into RGB (CMYK, YCCK; in 2.x also rare subsamplings). Throws for a bad one.
    /// </summary>
    /// <remarks>Begins with a fresh handle, which costs microseconds: a used one fills in tables that a file lacks with those of the file before, where Pillow takes the standard ones.</remarks>
    public bool TryReadHeader(ReadOnlySpan<byte> file, out JpegHeader header)
    {
        Recreate();
        int width = 0, height = 0, subsampling = 0, colorSpace = 0, result;
        fixed (byte* p = file)
        {
            if (Regions)
            {
                result = _api.Header3(_handle, p, (nuint)file.Length);
                width = _api.Get(_handle, ParamWidth);
                height = _api.Get(_handle, ParamHeight);
                subsampling = _api.Get(_handle, ParamSubsampling);
                colorSpace = _api.Get(_handle, ParamColorSpace);
            }
            else
            {
                result = _api.Header2(_handle, p, new CULong((nuint)file.Length), &width, &height, &subsampling, &colorSpace);
            }
        }
        header = new JpegHeader(width, height, subsampling);
        // an odd version of JFIF is a warning, which Pillow passes over
        if (result == 0 || width > 0 && height > 0 && IsWarning(Message)) return colorSpace is not (ColorSpaceCmyk or ColorSpaceYcck);
        var error = Fatal(Message);
        return error.Message.Contains("Could not determine subsampling", StringComparison.Ordinal) ? false : throw error;
    }

    /// <summary>Decodes the whole image to RGBX rows of width * 4 bytes.</summary>
    public void Decode(ReadOnlySpan<byte> file, in JpegHeader header, byte* target)
    {
        if (Decompress(file, header, target) != 0) OnFailure(file);
    }

    private int Decompress(ReadOnlySpan<byte> file, in JpegHeader header, byte* target)
    {
        fixed (byte* p = file)
        {
            if (!Regions)
                return _api.Decompress2(_handle, p, new CULong((nuint)file.Length), target, header.Width, header.Width * 4, header.Height, PixelFormatRgbx, FlagLimitScans);
            _api.SetCroppingRegion(_handle, default);
            return _api.Decompress3(_handle, p, (nuint)file.Length, target, header.Width * 4, PixelFormatRgbx);
        }
    }

    /// <summary>
    /// Decodes the rows of the box and, with one MCU of margin on either side, its columns; the pixels of the box equal those
    /// of a whole decode. Returns false when a whole decode is needed. The caller must have checked that the file ends properly:
    /// decoding stops after the last row of the box and would not notice.
    /// </summary>
    public bool TryDecodeRegion(ReadOnlySpan<byte> file, in JpegHeader header, Box box, byte* target, out Box decoded)
    {
        decoded = default;
        // Tested equal for 4:4:4, 4:2:2, 4:2:0 and grey, baseline and progressive.
        int mcu = header.Subsampling switch { 0 or 3 => 8, 1 or 2 => 16, _ => 0 };
        if (!Regions || mcu == 0) return false;
        int left = Math.Max(0, (box.X / mcu - 1) * mcu), right = Math.Min(header.Width, box.X + box.Width + mcu);
        var region = new Region { X = left, Y = box.Y, Width = right - left, Height = box.Height };
        fixed (byte* p = file)
        {
            if (_api.Header3(_handle, p, (nuint)file.Length) != 0 || _api.SetCroppingRegion(_handle, region) != 0 || _api.Decompress3(_handle, p, (nuint)file.Length, target, region.Width * 4, PixelFormatRgbx) != 0)
            {
                // Damaged: let a whole decode decide, so that fewer outcomes depend on the crop.
                Recreate();
                TryReadHeader(file, out _);
                return false;
            }
        }
        decoded = new Box(region.X, region.Y, region.Width, region.Height);
        return true;
    }

    /// <summary>
    /// Decodes the rows down to <paramref name="last"/> and little below, by libraries without regions: the decoder is given a copy whose frame header names a smaller height.
    /// One scan of Huffman codes is read from top to bottom, so these rows equal those of a whole decode; the rest of the scan is "extraneous bytes before marker 0xd9" to the decoder.
    /// Returns false when a whole decode is needed: another kind of file, nothing to gain, or anything else was reported. As with regions, the caller must have checked that the file ends properly.
    /// </summary>
    /// <param name="rows">rows decoded. Those after <paramref name="last"/> may lack the chroma below them</param>
    public bool TryDecodeRows(ReadOnlySpan<byte> file, in JpegHeader header, int last, byte* target, out int rows)
    {
        rows = 0;
        if (Regions || !TryFindSingleScan(file, out int frame, out int unit)) return false;
        // interpolated chroma looks one chroma row, that is two rows, further down
        int height = (last + 2 + unit) / unit * unit;
        if (height >= header.Height) return false;
        if (_shortened.Length < file.Length) _shortened = GC.AllocateUninitializedArray<byte>(file.Length + file.Length / 2, pinned: true);
        file.CopyTo(_shortened);
        (_shortened[frame + 5], _shortened[frame + 6]) = ((byte)(height >> 8), (byte)height);
        if (Decompress(_shortened.AsSpan(0, file.Length), header with { Height = height }, target) != 0 && !IsRestOfScan(MemoryMarshal.CreateReadOnlySpanFromNullTerminated((byte*)_api.ErrorText2(_handle))))
        {
            Recreate();
            return false;
        }
        rows = height;
        return true;
    }

    // Only the first warning's text is kept: if it is this one, nothing happened before.
    private static bool IsRestOfScan(ReadOnlySpan<byte> message) => message.StartsWith("Corrupt JPEG data: "u8) && message.EndsWith(" extraneous bytes before marker 0xd9"u8);

    /// <summary>Finds the frame header of a file with 8 bits, Huffman codes and all components in its first and only scan.</summary>
    /// <param name="frame">where the frame's marker stands</param>
    /// <param name="unit">rows of an MCU</param>
    internal static bool TryFindSingleScan(ReadOnlySpan<byte> file, out int frame, out int unit)
    {
        (frame, unit) = (0, 0);
        int components = 0;
        for (int at = 2; at + 4 <= file.Length && file[at] == 0xFF;)
        {
            byte marker = file[at + 1];
            if (marker == 0xFF) { at++; continue; }
            if (marker is 0x01 or (>= 0xD0 and <= 0xD9)) return false;                       // these have no length
            int length = file[at + 2] << 8 | file[at + 3];
            if (length < 2 || at + 2 + length > file.Length) return false;
            var segment = file.Slice(at + 4, length - 2);
            if (marker == 0xDA) return frame > 0 && segment.Length > 0 && segment[0] == components;
            if (marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC))
            {
                if (frame > 0 || marker > 0xC1 || segment.Length < 6 || segment[0] != 8) return false;
                (frame, components) = (at, segment[5]);
                if (components is < 1 or > 4 || segment.Length < 6 + 3 * components) return false;
                int sampling = 0;
                for (int i = 0; i < components; i++) sampling = Math.Max(sampling, segment[7 + 3 * i] & 15);
                if (sampling is < 1 or > 4) return false;
                unit = 8 * sampling;
            }
            at += 2 + length;
        }
        return false;
    }

    public void Dispose() => _api.Destroy(_handle);

    private string Message => Marshal.PtrToStringUTF8(Regions ? _api.ErrorText3(_handle) : _api.ErrorText2(_handle)) ?? "";

    // Like Pillow: damaged data with a proper end decodes, a file that ends early does not. The error code is no help: it says
    // "warning" for a fatal error that follows a warning. The text is the fatal error's, or else the first warning's, so a
    // damaged and truncated file is recognised by the missing end marker.
    private void OnFailure(ReadOnlySpan<byte> file)
    {
        string message = Message;
        if (message.StartsWith("Premature end", StringComparison.Ordinal) || !HasEndMarker(file)) throw Fatal("truncated JPEG: " + message);
        if (!IsWarning(message)) throw Fatal(message);
    }

    private static bool IsWarning(string message) => s_warnings.Any(w => message.StartsWith(w, StringComparison.Ordinal));

    // After a fatal error in the header 2.1 stays inside it, and the next good file reads as 0x0: start afresh.
    private ImageDecodeException Fatal(string message)
    {
        Recreate();
        return new ImageDecodeException(message);
    }

    /// <summary>
    /// True when an end-of-image marker follows the first scan. Inside entropy-coded data FF is always followed by 00, so the
    /// marker cannot occur there; thumbnails lie before the scan. For a whole file this looks at its last bytes only.
    /// </summary>
    public static bool HasEndMarker(ReadOnlySpan<byte> file)
    {
        int at = 2;
        while (at + 4 <= file.Length && file[at] == 0xFF && file[at + 1] != 0xDA)
            at += file[at + 1] == 0xFF ? 1 : 2 + (file[at + 2] << 8 | file[at + 3]);
        return at < file.Length && file[at..].LastIndexOf((ReadOnlySpan<byte>)[0xFF, 0xD9]) >= 0;
    }

    /// <summary>True when the frame header names arithmetic coding (SOF9 and above), or where there is none before the first scan.</summary>
    internal static bool IsArithmetic(ReadOnlySpan<byte> file)
    {
        int at = 2;
        while (at + 4 <= file.Length && file[at] == 0xFF && file[at + 1] != 0xDA)
        {
            if (file[at + 1] is >= 0xC0 and <= 0xC7 and not 0xC4) return false;
            at += file[at + 1] == 0xFF ? 1 : 2 + (file[at + 2] << 8 | file[at + 3]);
        }
        return true;
    }

    internal struct Region
    {
        public int X, Y, Width, Height;
    }

    // Function pointers instead of DllImport: the 3.x entry points may be absent, and the file name differs by system.
    internal readonly struct Api
    {
        // 2.x, also present in 3.x
        public readonly delegate* unmanaged[Cdecl]<nint> InitDecompress;
        public readonly delegate* unmanaged[Cdecl]<nint, int> Destroy;
        public readonly delegate* unmanaged[Cdecl]<nint, byte*, CULong, int*, int*, int*, int*, int> Header2;
        public readonly delegate* unmanaged[Cdecl]<nint, byte*, CULong, byte*, int, int, int, int, int, int> Decompress2;
        public readonly delegate* unmanaged[Cdecl]<nint, nint> ErrorText2;

        // 3.x
        public readonly delegate* unmanaged[Cdecl]<int, nint> Init3;
        public readonly delegate* unmanaged[Cdecl]<nint, byte*, nuint, int> Header3;
        public readonly delegate* unmanaged[Cdecl]<nint, int, int> Get;
        public readonly delegate* unmanaged[Cdecl]<nint, int, int, int> Set;
        public readonly delegate* unmanaged[Cdecl]<nint, Region, int> SetCroppingRegion;
        public readonly delegate* unmanaged[Cdecl]<nint, byte*, nuint, byte*, int, int, int> Decompress3;
        public readonly delegate* unmanaged[Cdecl]<nint, nint> ErrorText3;

        /// <summary>For tests: another library's entry points, with those of 3.x replaced.</summary>
        internal Api(Api library, delegate* unmanaged[Cdecl]<int, nint> init, delegate* unmanaged[Cdecl]<nint, byte*, nuint, int> header, delegate* unmanaged[Cdecl]<nint, int, int> get, delegate* unmanaged[Cdecl]<nint, int, int, int> set,
            delegate* unmanaged[Cdecl]<nint, Region, int> crop, delegate* unmanaged[Cdecl]<nint, byte*, nuint, byte*, int, int, int> decompress, delegate* unmanaged[Cdecl]<nint, nint> errorText)
        {
            this = library;
            Init3 = init;
            Header3 = header;
            Get = get;
            Set = set;
            SetCroppingRegion = crop;
            Decompress3 = decompress;
            ErrorText3 = errorText;
        }

        private Api(nint library)
        {
            InitDecompress = (delegate* unmanaged[Cdecl]<nint>)NativeLibrary.GetExport(library, "tjInitDecompress");
            Destroy = (delegate* unmanaged[Cdecl]<nint, int>)NativeLibrary.GetExport(library, "tjDestroy");
            Header2 = (delegate* unmanaged[Cdecl]<nint, byte*, CULong, int*, int*, int*, int*, int>)NativeLibrary.GetExport(library, "tjDecompressHeader3");
            Decompress2 = (delegate* unmanaged[Cdecl]<nint, byte*, CULong, byte*, int, int, int, int, int, int>)NativeLibrary.GetExport(library, "tjDecompress2");
            ErrorText2 = (delegate* unmanaged[Cdecl]<nint, nint>)NativeLibrary.GetExport(library, "tjGetErrorStr2");
            if (!NativeLibrary.TryGetExport(library, "tj3SetCroppingRegion", out nint crop)) return;
            SetCroppingRegion = (delegate* unmanaged[Cdecl]<nint, Region, int>)crop;
            Init3 = (delegate* unmanaged[Cdecl]<int, nint>)NativeLibrary.GetExport(library, "tj3Init");
            Header3 = (delegate* unmanaged[Cdecl]<nint, byte*, nuint, int>)NativeLibrary.GetExport(library, "tj3DecompressHeader");
            Get = (delegate* unmanaged[Cdecl]<nint, int, int>)NativeLibrary.GetExport(library, "tj3Get");
            Set = (delegate* unmanaged[Cdecl]<nint, int, int, int>)NativeLibrary.GetExport(library, "tj3Set");
            Decompress3 = (delegate* unmanaged[Cdecl]<nint, byte*, nuint, byte*, int, int, int>)NativeLibrary.GetExport(library, "tj3Decompress8");
            ErrorText3 = (delegate* unmanaged[Cdecl]<nint, nint>)NativeLibrary.GetExport(library, "tj3GetErrorStr");
        }

        public static Api Load(string? path)
        {
            string[] names = path != null ? [path]
                : OperatingSystem.IsWindows() ? ["turbojpeg.dll", "libturbojpeg.dll"]
                : OperatingSystem.IsMacOS() ? ["libturbojpeg.dylib"]
                : ["libturbojpeg.so.0", "libturbojpeg.so"];
            foreach (string name in names)
            {
                if (NativeLibrary.TryLoad(name, typeof(Api).Assembly, null, out nint library)) return new Api(library);
            }
            return default;
        }
    }
}

/// <param name="Subsampling">TJSAMP: 0 = 4:4:4, 1 = 4:2:2, 2 = 4:2:0, 3 = grey, others rare, -1 unknown.</param>
internal readonly record struct JpegHeader(int Width, int Height, int Subsampling);

internal sealed class ImageDecodeException(string message) : Exception(message);

namespace SemAim.Runtime.Data.Jpeg;

/// <summary>A Huffman table that answers with a single look-up of the next eleven bits what they hold: of a table of runs mostly two coefficients at once, with their values and the zeros before them.</summary>
internal sealed class HuffmanTable
{
    /// <summary>Bits of a look-up; longer codes are rare, and two tables of as many pairs still fit a first-level cache.</summary>
    internal const int Bits = 11;

    /// <summary>Advance of an end-of-block code: beyond any place in a block.</summary>
    internal const int End = 128;

    /// <summary>A place that, added to any in a block, lies outside it: where what is no coefficient is written.</summary>
    internal const int Nowhere = 64;

    private readonly byte[] _definition = new byte[16 + 256];
    private readonly int[] _last = new int[18], _offset = new int[18];      // last code of a length, left-aligned to 16 bits; index of its value
    private int _defined = -1;

    /// <summary>By the next eleven bits: bits of code and coefficient together (0–7), how many places to go on (8–15), bits of the code (16–23), of the coefficient (24–31). 0: a longer code, or none.</summary>
    internal uint[] Entries { get; } = GC.AllocateArray<uint>(1 << Bits, pinned: true);

    /// <summary>
    /// Of a table of runs, by the next eleven bits: bits of all that they hold (0–7), how many places to go on (8–15), the places of two coefficients from here (16–23, 24–31), their values (32–47, 48–55),
    /// bits of the first of them (56–62). Negative: one coefficient whose bits are not all there, and its entry of <see cref="Entries"/>. 0: a longer code, or none.
    /// </summary>
    internal ulong[] Pairs { get; private set; } = [];

    /// <summary>Takes a definition: sixteen counts and the values. False where codes do not fit, or values are not those of 8-bit pictures.</summary>
    /// <param name="isDc">of differences of the mean: values are numbers of bits; else runs and numbers of bits</param>
    internal bool Define(ReadOnlySpan<byte> definition, bool isDc)
    {
        int count = definition.Length - 16, kind = isDc ? 1 << 16 : 0;
        if (_defined == (count | kind) && definition.SequenceEqual(_definition.AsSpan(0, definition.Length))) return true;       // most files have the same tables
        _defined = -1;
        definition.CopyTo(_definition);
        Array.Clear(Entries);
        int code = 0, value = 0;
        for (int length = 1; length <= 16; length++)
        {
            _offset[length] = value - code;
            for (int i = definition[length - 1]; i > 0; i--, code++, value++)
            {
                if (code >= 1 << length) return false;
                byte symbol = definition[16 + value];
                if (isDc ? symbol > 11 : (symbol & 15) > 10 || ((symbol & 15) == 0 && symbol is not (0x00 or 0xF0))) return false;
                if (length <= Bits) Fill(code, length, symbol, isDc);
            }
            _last[length] = code << (16 - length);
            code <<= 1;
        }
        _last[17] = int.MaxValue;
        if (!isDc) Pair();
        _defined = count | kind;
        return true;
    }

    private void Fill(int code, int length, byte symbol, bool isDc) => Entries.AsSpan(code << (Bits - length), 1 << (Bits - length)).Fill(Entry(length, symbol, isDc));

    private static uint Entry(int length, byte symbol, bool isDc)
    {
        int size = symbol & 15, advance = isDc ? 1 : symbol == 0 ? End : (symbol >> 4) + 1;
        return (uint)(length + size | advance << 8 | length << 16 | size << 24);
    }

    private void Pair()
    {
        if (Pairs.Length == 0) Pairs = GC.AllocateUninitializedArray<ulong>(1 << Bits, pinned: true);
        uint[] entries = Entries;
        ulong[] pairs = Pairs;
        for (uint next = 0; next < pairs.Length; next++)
        {
            uint first = entries[next], bits = first & 0xFF, advance = (first >> 8) & 0xFF, place = advance == End ? Nowhere : advance, secondPlace = Nowhere;
            if (first == 0 || bits > Bits)
            {
                pairs[next] = first == 0 ? 0 : first | 1UL << 63;
                continue;
            }
            uint value = (ushort)Value(next, bits, first >> 24), all = bits, secondValue = 0, rest = (next << (int)bits) & ((1 << Bits) - 1), second = entries[rest];
            if (advance != End && second != 0 && bits + (second & 0xFF) <= Bits && second >> 24 <= 7)             // a value of a byte
            {
                all += second & 0xFF;
                advance += (second >> 8) & 0xFF;
                secondValue = (byte)Value(rest, second & 0xFF, second >> 24);
                if (advance < End) secondPlace = advance;
            }
            pairs[next] = all | advance << 8 | place << 16 | secondPlace << 24 | (ulong)(value | secondValue << 16 | bits << 24) << 32;
        }
    }

    // the coefficient of so many bits that ends so many bits into a look-up; those that begin with 0 are negative
    private static int Value(uint next, uint end, uint size)
    {
        int bits = (int)(next >> (Bits - (int)end)) & ((1 << (int)size) - 1);
        return size == 0 || bits >> ((int)size - 1) != 0 ? bits : bits - (1 << (int)size) + 1;
    }

    /// <summary>An entry for a code of more than eleven bits, as <see cref="Entries"/> would give it; 0 where there is none.</summary>
    /// <param name="next">the next 16 bits</param>
    internal uint Long(int next)
    {
        int length = Bits + 1;
        while (length <= 16 && next >= _last[length]) length++;
        if (length > 16) return 0;
        return Entry(length, _definition[16 + (next >> (16 - length)) + _offset[length]], _defined >> 16 != 0);
    }
}

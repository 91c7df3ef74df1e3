namespace SemAim.Runtime.Data.Jpeg;

/// <summary>A Huffman table that answers with a single look-up of the next ten bits how long a code is, how many bits of a coefficient follow it, and how many zeros come before.</summary>
internal sealed class HuffmanTable
{
    /// <summary>Bits of a look-up; longer codes are rare.</summary>
    internal const int Bits = 10;

    /// <summary>Advance of an end-of-block code: beyond any place in a block.</summary>
    internal const int End = 128;

    private readonly byte[] _definition = new byte[16 + 256];
    private readonly int[] _last = new int[18], _offset = new int[18];      // last code of a length, left-aligned to 16 bits; index of its value
    private int _defined = -1;

    /// <summary>By the next ten bits: bits of code and coefficient together (0–7), how many places to go on (8–15), bits of the code (16–23), of the coefficient (24–31). 0: a longer code, or none.</summary>
    internal uint[] Entries { get; } = GC.AllocateArray<uint>(1 << Bits, pinned: true);

    internal bool IsDefined => _defined >= 0;

    internal void Forget() => _defined = -1;

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
        _defined = count | kind;
        return true;
    }

    private void Fill(int code, int length, byte symbol, bool isDc) => Entries.AsSpan(code << (Bits - length), 1 << (Bits - length)).Fill(Entry(length, symbol, isDc));

    private static uint Entry(int length, byte symbol, bool isDc)
    {
        int size = symbol & 15, advance = isDc ? 1 : symbol == 0 ? End : (symbol >> 4) + 1;
        return (uint)(length + size | advance << 8 | length << 16 | size << 24);
    }

    /// <summary>An entry for a code of more than ten bits, as <see cref="Entries"/> would give it; 0 where there is none.</summary>
    /// <param name="next">the next 16 bits</param>
    internal uint Long(int next)
    {
        int length = Bits + 1;
        while (length <= 16 && next >= _last[length]) length++;
        if (length > 16) return 0;
        return Entry(length, _definition[16 + (next >> (16 - length)) + _offset[length]], _defined >> 16 != 0);
    }
}

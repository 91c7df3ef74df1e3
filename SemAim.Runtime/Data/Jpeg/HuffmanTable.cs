namespace SemAim.Runtime.Data.Jpeg;

/// <summary>
/// A Huffman table that answers a whole coefficient at once: the next ten bits give the code, what it means and, where they fit, the coefficient's own bits too.
/// </summary>
internal sealed class HuffmanTable
{
    /// <summary>Bits of a look-up.</summary>
    internal const int Bits = 10;

    /// <summary>Flag of an entry whose coefficient has more bits than the look-up: its value is their number.</summary>
    internal const uint Partial = 0x80;

    /// <summary>Advance of an end-of-block code: beyond any place in a block.</summary>
    internal const int End = 128;

    private readonly byte[] _definition = new byte[16 + 256];
    private readonly int[] _last = new int[18], _offset = new int[18];      // last code of a length, left-aligned to 16 bits; index of its value
    private int _defined = -1;

    /// <summary>
    /// By the next ten bits: length of everything read (bits 0–6), <see cref="Partial"/>, how many places to go on (8–15), and the coefficient (16–31, signed).
    /// 0: a longer code, or none.
    /// </summary>
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

    private void Fill(int code, int length, byte symbol, bool isDc)
    {
        int size = symbol & 15, advance = isDc ? 1 : symbol == 0 ? End : (symbol >> 4) + 1, rest = Bits - length;
        for (int tail = 0; tail < 1 << rest; tail++)
        {
            uint entry = (uint)advance << 8;
            if (size <= rest)
            {
                int v = size == 0 ? 0 : tail >> (rest - size);
                if (size > 0 && v < 1 << (size - 1)) v -= (1 << size) - 1;
                entry |= (uint)(ushort)v << 16 | (uint)(length + size);
            }
            else
            {
                entry |= (uint)size << 16 | Partial | (uint)length;
            }
            Entries[code << rest | tail] = entry;
        }
    }

    /// <summary>An entry for a code of more than ten bits, as <see cref="Entries"/> would give it; 0 where there is none.</summary>
    /// <param name="next">the next 16 bits</param>
    internal uint Long(int next)
    {
        int length = Bits + 1;
        while (length <= 16 && next >= _last[length]) length++;
        if (length > 16) return 0;
        byte symbol = _definition[16 + (next >> (16 - length)) + _offset[length]];
        int advance = _defined >> 16 != 0 ? 1 : symbol == 0 ? End : (symbol >> 4) + 1;
        return (uint)advance << 8 | (uint)(symbol & 15) << 16 | Partial | (uint)length;
    }
}

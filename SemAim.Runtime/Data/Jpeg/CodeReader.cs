using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace SemAim.Runtime.Data.Jpeg;

/// <summary>Reads the codes of blocks. Zeros must stand behind the codes, more than a block can take.</summary>
internal unsafe struct CodeReader(byte* codes)
{
    private ulong _next;                                // the coming bits, from the highest down
    private int _valid;                                 // how many of them are counted as read; those behind are right too
    private byte* _at = codes;

    /// <summary>Where reading goes on.</summary>
    internal readonly byte* At => _at;

    /// <summary>Bits between what was read and the end of the codes; negative where zeros behind it were read.</summary>
    internal readonly long Left(byte* last) => (last - _at) * 8 + _valid;

    /// <summary>The difference of a block's mean to the block's before.</summary>
    /// <param name="entries">of the table</param>
    internal bool TryMean(uint* entries, HuffmanTable table, out int difference)
    {
        ulong next = _next | BinaryPrimitives.ReverseEndianness(*(ulong*)_at) >> _valid;
        _at += (63 - _valid) >> 3;
        _valid |= 56;
        uint entry = entries[next >> (64 - HuffmanTable.Bits)];
        if (entry == 0 && (entry = table.Long((int)(next >> 48))) == 0)
        {
            difference = 0;
            return false;
        }
        difference = Coefficient(next, entry);
        _next = next << (int)(entry & 0xFF);
        _valid -= (int)(entry & 0xFF);
        return true;
    }

    /// <summary>A block's other coefficients, those that are not zero.</summary>
    /// <param name="pairs">of the table</param>
    /// <param name="places">of coefficients, for 1 (the mean) to 64 in the order of the codes; then for as many again one outside the block</param>
    /// <param name="block">of 64 coefficients, and what is outside</param>
    /// <param name="isFlat">there were none</param>
    /// <returns>false: no code, or a run beyond the end</returns>
    internal bool TryBlock(ulong* pairs, HuffmanTable table, byte* places, short* block, out bool isFlat)
    {
        // A look-up takes 11 bits at most and 56 are filled in without a branch, so four go by between; a pattern that processors foresee, where a look at the number of bits would be a surprise.
        ulong next = _next, before, entry;
        int valid = _valid, k = 1, turn = 3;
        byte* at = _at;
        do
        {
            if ((++turn & 3) == 0) Refill(ref next, ref valid, ref at);
            before = next;
            entry = pairs[next >> (64 - HuffmanTable.Bits)];
            if ((long)entry > 0)
            {
                block[places[k + (byte)(entry >> 16)]] = (short)(entry >> 32);
                block[places[k + (byte)(entry >> 24)]] = (sbyte)(entry >> 48);
                k += (byte)(entry >> 8);
                next <<= (int)entry;
                valid -= (byte)entry;
                continue;
            }
            Refill(ref next, ref valid, ref at);
            uint single = (uint)entry;
            if (single == 0 && (single = table.Long((int)(next >> 48))) == 0)
            {
                isFlat = false;
                return false;
            }
            k += (byte)(single >> 8);
            if (k <= 64) block[places[k]] = (short)Coefficient(next, single);
            next <<= (int)(single & 0xFF);
            valid -= (int)(single & 0xFF);
            Refill(ref next, ref valid, ref at);
        }
        while (k < 64);

        // of two codes in a look-up the first may have been the block's last
        if ((long)entry > 0 && k > 64 && k - (byte)(entry >> 8) + (byte)(entry >> 16) == 64)
        {
            valid += (byte)entry - (byte)(entry >> 56);
            next = before << (int)(entry >> 56);
            k = 64;
        }
        _next = next;
        _valid = valid;
        _at = at;
        isFlat = k == HuffmanTable.End + 1;
        return k is 64 or (> HuffmanTable.End and < HuffmanTable.End + 64);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Refill(ref ulong next, ref int valid, ref byte* at)
    {
        next |= BinaryPrimitives.ReverseEndianness(*(ulong*)at) >> valid;
        at += (63 - valid) >> 3;
        valid |= 56;
    }

    // the bits after a code, in JPEG's way of numbers: those that begin with 0 are negative
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Coefficient(ulong next, uint entry)
    {
        int size = (int)(entry >> 24);
        ulong own = next << (int)(entry >> 16);                     // the count is taken modulo 64: the code's length
        return (int)(own >> 1 >> (63 - size)) + ((int)((long)~own >> 63) & ((-1 << size) + 1));
    }
}

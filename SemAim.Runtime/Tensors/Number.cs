using System.Collections.Concurrent;
using TorchSharp;

namespace SemAim.Runtime.Tensors;

/// <summary>Numbers as operands of tensor operations, held for as long as an operation can read them.</summary>
/// <remarks>
/// TorchSharp passes the address of a <see cref="Scalar"/> to the library and does not keep the managed object alive meanwhile: one that was
/// made for the call, as <c>x * 0.5</c> and even <c>x + y</c> (its factor of 1) do, can be finalised on another thread while the operation still reads it. Rare, but a run
/// of weeks meets it. A test holds the assemblies of this project against the operators that make such numbers.
/// </remarks>
public static class Number
{
    // a number stays alive while this many others come after it, so that values that change with every step do not pile up
    private const int Generation = 4096;
    private static readonly Lock Turning = new();
    private static volatile ConcurrentDictionary<(bool IsReal, long Bits), Scalar> young = new(), old = new();
    private static int made;

    /// <summary>The whole number 1: the factor of a sum's second operand.</summary>
    public static Scalar One { get; } = 1;

    /// <summary>A real number.</summary>
    public static Scalar Of(double value) => Held((true, BitConverter.DoubleToInt64Bits(value)));

    /// <summary>A whole number.</summary>
    public static Scalar Of(long value) => Held((false, value));

    private static Scalar Held((bool IsReal, long Bits) key)
    {
        if (young.TryGetValue(key, out var known)) return known;
        lock (Turning)
        {
            if (young.TryGetValue(key, out known)) return known;
            if (!old.TryGetValue(key, out known)) known = key.IsReal ? (Scalar)BitConverter.Int64BitsToDouble(key.Bits) : (Scalar)key.Bits;
            if (++made > Generation) (old, young, made) = (young, new(), 1);
            return young[key] = known;
        }
    }
}

using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Native;

/// <summary>
/// Matrix products by oneDNN. libtorch sends float32 products to MKL, which leaves the wide registers of some processors unused: on a Zen 5 core
/// oneDNN is twice as fast, on a Zen 4 core a tenth. Reached through libtorch's C functions for compiled models; they record no gradients.
/// </summary>
internal static unsafe class OneDnn
{
    private const string Library = "torch_cpu";

    [DllImport(Library)]
    private static extern int aoti_torch_cpu__linear_pointwise(IntPtr x, IntPtr weight, IntPtr* bias, byte* attribute, void** scalars, long scalarCount, byte** algorithm, IntPtr* result);

    /// <summary>True where this library has the function and the processor the registers.</summary>
    internal static bool IsAvailable { get; } = Probe();

    /// <summary>x·Wᵀ + b of an M × K and an N × K matrix of one type, either of which may be a transposed view; fresh, M × N.</summary>
    internal static Tensor Product(Tensor x, Tensor weight, Tensor? bias)
    {
        IntPtr result, offset = bias is null ? 0 : bias.Handle;
        using var shield = SignalShield.Raise();
        fixed (byte* none = "none"u8)
            StableAbi.Check(aoti_torch_cpu__linear_pointwise(x.Handle, weight.Handle, bias is null ? null : &offset, none, null, 0, null, &result), "linear_pointwise");
        GC.KeepAlive(x);
        GC.KeepAlive(weight);
        GC.KeepAlive(bias);
        return Tensor.UnsafeCreateTensor(result);
    }

    private static bool Probe()
    {
        if (!Avx512F.IsSupported) return false;
        try
        {
            using var guard = no_grad();
            using var one = ones(1, 1);
            using var two = Product(one, one, null);
            return two.item<float>() == 1;
        }
        catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException or ExternalException) { return false; }
    }
}

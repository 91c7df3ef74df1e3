using SemAim.Runtime.Data;
using static TorchSharp.torch;

namespace SemAim.Runtime.Tensors;

/// <summary>Uniform numbers by address: what a sample gets depends on (seed, step, its place in the global batch) alone.</summary>
internal static class KeyedUniform
{
    /// <summary>B × N float32 in [0, 1), fresh.</summary>
    /// <param name="seed">of the run</param>
    /// <param name="step">optimiser step</param>
    /// <param name="firstPlace">place of the first row in the global batch</param>
    /// <param name="rows">B</param>
    /// <param name="count">N</param>
    /// <param name="device">where the result lies</param>
    /// <param name="stream">what the numbers are for; two uses of one address must differ</param>
    internal static Tensor Fill(ulong seed, long step, long firstPlace, int rows, int count, Device device, RngStream stream = RngStream.PredictionOrder)
    {
        var values = new float[rows * count];
        for (var row = 0; row < rows; row++)
        {
            var rng = new SampleRng(seed, (ulong)step, (ulong)(firstPlace + row), stream);
            for (var i = 0; i < count; i++) values[row * count + i] = (float)(rng.Next() >> 40) * (1f / (1 << 24));
        }
        return tensor(values, [rows, count], device: device);
    }
}

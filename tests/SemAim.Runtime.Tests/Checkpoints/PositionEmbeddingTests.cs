using SemAim.Runtime.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Tests.Checkpoints;

/// <summary>Position embeddings of another grid (golden kind pos_interp). The recorded float32 values are themselves 3.2e-6 from float64.</summary>
public sealed class PositionEmbeddingTests
{
    [Fact, Trait("Category", "Golden"), GoldenKind("pos_interp*.safetensors")]
    public void Embeddings_of_another_grid_are_the_originals()
    {
        foreach (var path in GoldenFolder.Files("pos_interp*.safetensors"))
        {
            using var scope = NewDisposeScope();
            using var file = SafetensorsFile.Open(path);
            foreach (var name in file.Names.Where(n => n.StartsWith("in_", StringComparison.Ordinal)))
            {
                var want = file.Read("out_" + name[3..]);

                var got = PositionEmbeddings.Interpolate(file.Read(name), want.size(1) - 1);

                GoldenReport.Within("pos_interp*.safetensors", Path.GetFileName(path), "positions", (got - want).abs().max().item<float>(), 1e-5);
            }
        }
    }

    [Fact]
    public void A_grid_that_is_no_square_is_refused() => Assert.Throws<ArgumentException>(() => PositionEmbeddings.Interpolate(zeros(1, 12, 4), 9));
}

using SemAim.Dsl;

namespace SemAim.Models;

/// <summary>Prediction where the encoder's blocks are the query blocks too (<c>share_weight</c>, behaviour.md 1.2).</summary>
public sealed partial class AimViT
{
    [Graph(Cuts = true)]
    [return: Shape("B N O")]
    internal Sym PredictSharedMlp([Shape("B 3 Y X")] Sym images, [Shape("B N")] Sym rank) => predictionHead.Forward(DecodeShared(images, rank));

    [Graph(Cuts = true)]
    [return: Shape("B N O")]
    internal Sym PredictSharedLinear([Shape("B 3 Y X")] Sym images, [Shape("B N")] Sym rank) => predictionHead.Direct(DecodeShared(images, rank));

    [Graph]
    [return: Shape("B N D")]
    private Sym DecodeShared([Shape("B 3 Y X")] Sym images, [Shape("B N")] Sym rank)
    {
        var B = images.Size(0);
        var h = Embed(images);
        var g = posEmbed.Value.Expand("1 T D -> B T D", B);
        for (var s = 0; s < Q; s++)
        {
            for (var i = 0; i < M; i++)
                h = blocks[s * M + i].Forward(h, OrderMask.UpTo(rank));
            g = blocks[s].Query(g, h, OrderMask.Before(rank));
        }
        return norm.Forward(g)["B [1..] D"];
    }

    [Graph]
    [return: Shape("B N O")]
    internal Sym PredictSharedTiedMlp([Shape("B 3 Y X")] Sym images, [Shape("B N")] Sym rank) => predictionHead.Forward(DecodeSharedTied(images, rank));

    [Graph]
    [return: Shape("B N O")]
    internal Sym PredictSharedTiedLinear([Shape("B 3 Y X")] Sym images, [Shape("B N")] Sym rank) => predictionHead.Direct(DecodeSharedTied(images, rank));

    [Graph]
    [return: Shape("B N D")]
    private Sym DecodeSharedTied([Shape("B 3 Y X")] Sym images, [Shape("B N")] Sym rank)
    {
        var B = images.Size(0);
        var h = Embed(images);
        var g = posEmbed.Value.Expand("1 T D -> B T D", B);
        for (var s = 0; s < Q; s++)
        {
            for (var i = 0; i < M; i++)
                h = blocks[s * M + i].Forward(h, OrderMask.UpTo(rank, Ties.Together));
            g = blocks[s].Query(g, h, OrderMask.Before(rank, Ties.Together));
        }
        return norm.Forward(g)["B [1..] D"];
    }
}

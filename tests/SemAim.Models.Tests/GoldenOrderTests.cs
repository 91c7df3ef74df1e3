using SemAim.Dsl;
using SemAim.Models.Orders;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>Orders and masks against what the original recorded (golden kind permutations).</summary>
[Trait("Category", "Golden")]
public sealed class GoldenOrderTests
{
    // never reached from the original's programs (behaviour.md 1.8)
    private static readonly string[] Unreachable = ["generate_raster", "generate_center2out"];


    [GoldenTheory("permutations*.safetensors"), GoldenFiles, GoldenKind("permutations*.safetensors")]
    public void Orders_are_the_originals(string name)
    {
        using var scope = NewDisposeScope();
        using var golden = GoldenCase.Open(name);
        var attention = golden["attention"];
        var side = (int)Math.Sqrt(attention.size(1));
        foreach (var type in golden.Names.Where(n => n.EndsWith(".permutation", StringComparison.Ordinal)).Select(n => n.Split('.')[0]).Where(t => t != "tied" && !Unreachable.Contains(t)))
        {
            var noise = golden.Names.Where(n => n.StartsWith(type + ".noise.", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(n => golden[n].reshape(attention.size(0), -1)).ToArray();
            var order = Orders.Orders.Of(type == "center_last" ? "out2center" : type);
            var rank = order.Rank(attention, noise.Length == 0 ? zeros_like(attention) : cat(noise, 1), new Grid(side, side));

            GoldenReport.Within("permutations*.safetensors", name, type, GoldenCase.Far(rank, golden[type + ".permutation"]), 2e-6);
        }
    }

    [GoldenTheory("permutations*.safetensors"), GoldenFiles, GoldenKind("permutations*.safetensors")]
    public void Masks_are_the_originals_ties_included(string name)
    {
        using var scope = NewDisposeScope();
        using var golden = GoldenCase.Open(name);
        foreach (var mask in golden.Names.Where(n => n.EndsWith("_visible", StringComparison.Ordinal)))
        {
            var want = golden[mask].to(@bool);
            var rank = Sym.Of(golden[mask.Split('.')[0] + ".permutation"].narrow(0, 0, want.size(0)), Run.Eval);
            var dense = (mask.Contains("mask_h", StringComparison.Ordinal) ? OrderMask.UpTo(rank, Ties.Together) : OrderMask.Before(rank, Ties.Together)).Dense();

            // the tied case records the first tokens only
            var seen = dense.squeeze(1).eq(0).narrow(1, 0, want.size(1)).narrow(2, 0, want.size(2));
            Assert.False(seen.ne(want).any().item<bool>(), mask);
        }
    }
}

using SemAim.Dsl;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>Where a value first went wrong is found by running the specification.</summary>
public sealed class TraceTests
{
    [Fact]
    public void The_first_value_that_is_not_finite_is_named_by_its_layer()
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        var model = TinyAim.Model(4);
        foreach (var slot in model.Slots().Where(s => s.Name == "blocks.2.mlp.fc1.bias")) slot.Weight.Tensor[3] = double.NaN;

        var first = Trace.FirstNonFinite(model, () => model.Predict(Sym.Of(TinyAim.Images(), Run.Eval), Sym.Of(TinyAim.Rank(), Run.Eval)));

        Assert.NotNull(first);
        Assert.Equal(("blocks.2.mlp.fc1", "bias"), (first.Place, first.Name));
    }

    [Fact]
    public void An_input_that_overflows_is_found_where_it_does()
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        var model = TinyAim.Model(4);
        model.to(float32);
        foreach (var slot in model.Slots().Where(s => s.Name == "blocks.1.attn.proj.weight")) slot.Weight.Tensor.mul_(1e38);

        var first = Trace.FirstNonFinite(model, () => model.Predict(Sym.Of(TinyAim.Images().to(float32), Run.Eval), Sym.Of(TinyAim.Rank().to(float32), Run.Eval)));

        Assert.NotNull(first);
        Assert.StartsWith("blocks.1.", first.Place);
    }

    [Fact]
    public void A_run_without_trouble_is_followed_to_its_end_and_changes_nothing()
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        var model = TinyAim.Model(4);
        var (images, rank) = (Sym.Of(TinyAim.Images(), Run.Eval), Sym.Of(TinyAim.Rank(), Run.Eval));
        var seen = new List<TracedValue>();
        Tensor? traced = null;

        Trace.Watch(model, seen.Add, () => traced = model.Predict(images, rank).Value);

        Assert.Null(Trace.FirstNonFinite(model, () => model.Predict(images, rank)));
        Assert.True(traced!.equal(model.Predict(images, rank).Value).all().item<bool>());
        Assert.Contains(seen, v => v is { Place: "query_blocks.3.attn.k", Name: "Linear", IsFinite: true });
        Assert.Contains(seen, v => v is { Place: "blocks.0.mlp.fc1", Name: "Gelu" });
    }
}

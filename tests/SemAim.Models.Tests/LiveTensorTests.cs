using SemAim.Dsl;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>After any call of any graph, with gradient or without, the number of live tensors is what it was before.</summary>
public sealed class LiveTensorTests
{
    public static TheoryData<string> Graphs => [.. Passes.PassEquivalenceTests.Cases().Select(c => c.Name)];

    [Theory]
    [MemberData(nameof(Graphs))]
    public void No_tensor_is_left_behind(string graph)
    {
        using var scope = NewDisposeScope();
        var (_, type, sizes, method, input, table) = Passes.PassEquivalenceTests.Cases().Single(c => c.Name == graph);
        var model = CompiledModels.Make(typeof(AimViT).Assembly, "SemAim.Models." + type, sizes);
        Comparison.Fill(model);
        void Run(bool gradient)
        {
            using var mode = set_grad_enabled(gradient);
            object[] arguments = table is null ? input : [.. input, .. type is "Block" or "QueryBlock" ? new object[] { default(AttentionBias) } : [], new Draws(table)];
            var result = CompiledModels.Call(model, method, arguments);
            foreach (var t in result is System.Runtime.CompilerServices.ITuple tuple ? Enumerable.Range(0, tuple.Length).Select(i => (Tensor)tuple[i]!) : [(Tensor)result]) t.Dispose();
        }
        Run(true);
        var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;

        for (var i = 0; i < 3; i++) Run(true);
        Run(false);

        Assert.Equal(before, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
    }
}

using Microsoft.CodeAnalysis;
using SemAim.Generators.Check;
using SemAim.Generators.Frontend;
using SemAim.Generators.Ir;
using SemAim.Generators.Link;
using SemAim.Generators.Passes;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Tests;

/// <summary>After every pass, each graph of the declared models and of the corpus is one: values made once and before they are read, shapes kept, every handle ended once.</summary>
public sealed class VerifierTests
{
    public static TheoryData<string> Sources => [.. Corpus.Files("right"), "SemAim.Models"];

    [Theory]
    [MemberData(nameof(Sources))]
    public void Every_pass_leaves_a_graph(string name)
    {
        var compilation = name == "SemAim.Models" ? AuthorSource.Compilation(AuthorSource.Models.Select(m => (m.Key, m.Value))) : AuthorSource.Compilation([(name + ".cs", Corpus.Read("right", name))]);
        var units = Types(compilation.Assembly.GlobalNamespace).Where(t => t.GetAttributes().Any(a => a.AttributeClass?.Name == "ModuleAttribute")).Select(t => ModuleReader.Read(t, compilation, default).Unit).ToList();
        var contracts = Contracts.Of(units);
        var graphs = 0;

        foreach (var unit in units)
        {
            var scope = new ModuleScope(unit, LinkedUnit.Of(unit, contracts).Contracts.ToDictionary(c => c.FullName), f => Assert.Fail($"{f.Id} {f.Message}"));
            foreach (var written in unit.Graphs.Where(g => !g.Inlined))
                foreach (var (training, cuts) in new[] { (true, false), (false, false), (true, true) })
                {
                    var graph = GraphChecker.AsWritten(scope, written with { Cuts = cuts }, _ => { })!;
                    Hold("reading", false);
                    PassPipeline.Run(graph, scope, training: training, after: pass => Hold(pass, pass == nameof(ScheduleAndDispose)));
                    graphs++;

                    void Hold(string pass, bool scheduled)
                    {
                        var problems = Verifier.Problems(graph, scope.Facts, scheduled);
                        Assert.True(problems.Count == 0, $"{unit.Name}.{written.Name} after {pass}: {string.Join("; ", problems)}");
                    }
                }
        }
        Assert.True(graphs > 0);
    }

    private static IEnumerable<INamedTypeSymbol> Types(INamespaceOrTypeSymbol space)
        => space.GetMembers().OfType<INamespaceOrTypeSymbol>().SelectMany(m => m is INamedTypeSymbol type ? [type] : Types(m));

    private static CheckedGraph Graph(Action<Region, Value> fill)
    {
        var region = new Region();
        var x = new Value([Dim.Symbol("B"), Dim.Symbol("D")], name: "x");
        region.Parameters.Add(x);
        fill(region, x);
        return new(new(0, "Go", "public", false, false, null, default, default, default), region, ["B"]);
    }

    private static Op Make(OpKind kind, Value x, params Dim[] axes)
    {
        var op = new Op(kind, 0) { Operands = [x] };
        op.Results.Add(new Value(axes.Length > 0 ? axes : x.Axes, name: "y") { Producer = op });
        return op;
    }

    [Fact]
    public void A_value_read_before_it_is_made_is_found()
    {
        var graph = Graph((r, x) =>
        {
            var y = Make(OpKind.Unary, x);
            r.Ops = [Make(OpKind.Unary, y.Result), y];
            r.Results = [y.Result];
        });

        Assert.Contains("Unary reads y before it is made", Verifier.Problems(graph, new()));
    }

    [Fact]
    public void A_changed_shape_is_found()
        => Assert.Contains(Verifier.Problems(Graph((r, x) => r.Ops = [Make(OpKind.Unary, x, Dim.Symbol("D"))]), new()), p => p.Contains("makes D of B D", StringComparison.Ordinal));

    [Fact]
    public void A_value_read_after_its_end_and_one_that_is_left_are_found()
    {
        var graph = Graph((r, x) =>
        {
            var y = Make(OpKind.Unary, x);
            var z = Make(OpKind.Unary, y.Result);
            z.Dying = [y.Result];
            var again = Make(OpKind.Unary, y.Result);
            r.Ops = [y, z, again];
            r.Results = [again.Result];
        });

        var problems = Verifier.Problems(graph, new(), isScheduled: true);

        Assert.Contains("Unary reads y after its end", problems);
        Assert.Contains("y is left", problems);
    }
}

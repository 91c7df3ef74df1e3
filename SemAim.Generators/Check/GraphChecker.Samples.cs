using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Check;

/// <summary>
/// Where samples are: what draws takes one number a sample (draws are sites × B), so the first axis of what it drops must be the samples, or the samples with something folded into them from behind, <c>(B W)</c>.
/// A graph's samples are the first axis of its first value whose first axis is bound at the call; where there is none, of the first one whose is neither 1 nor marked.
/// </summary>
public sealed partial class GraphChecker
{
    private (string Name, Value Value)? sampled;
    private readonly SampleFlow flow = new();
    private int foldedSites;                                       // operations that draw for samples with something folded into them

    private static string? FirstAxis(GraphParameter p) => p is { Kind: ParameterKind.Value, Shape.Text: var shape } && shape.Split([' '], System.StringSplitOptions.RemoveEmptyEntries) is [var first, ..] && first != "1" && first[0] != '#' ? first : null;

    // the value that holds the samples, as a contract says it
    private static GraphParameter? Sampled(IEnumerable<GraphParameter> parameters, System.Func<string, bool> isKnown)
    {
        var candidates = parameters.Where(p => FirstAxis(p) is not null).ToList();
        return candidates.FirstOrDefault(p => FirstAxis(p) is "..." || IsName(FirstAxis(p)!) && !isKnown(FirstAxis(p)!)) ?? candidates.FirstOrDefault();
    }

    private bool IsBySample(Value v) => v.Axes.Count > 0 && sampled is var (_, samples) && (facts.Same(v.Axes[0], samples.Axes[0]) || v.IsBySample);

    /// <summary>Something draws for each sample of a value.</summary>
    private void Draw(string what, Value value, Expr at)
    {
        if (!IsBySample(value)) throw Unsampled($"`{what}`", $"`{Name(at)}`", value, at.Id);
        if (!facts.Same(value.Axes[0], sampled!.Value.Value.Axes[0])) foldedSites++;
    }

    // a call of a graph that draws: its samples are where its contract says
    private void DrawCall(string what, GraphContract callee, System.Func<string, bool> isKnown, IEnumerable<(GraphParameter Parameter, Expr At, Value Value)> arguments)
    {
        if (!callee.Summary.IsStochastic) return;
        var given = arguments.ToList();
        if (Sampled(callee.Parameters, isKnown) is { } samples)
            foreach (var (parameter, at, value) in given)
                if (parameter == samples) Draw(what, value, at);
        // of a graph that does not tell, anything may be dropped
        var dropped = callee.Summary.DropsFrom.Count > 0 ? callee.Summary.DropsFrom.Select(set => set.Split(' ')) : callee.Parameters.Where(p => p.Kind == ParameterKind.Value).Select(p => new[] { p.Name });
        foreach (var set in dropped)
        {
            var sources = given.Where(a => set.Contains(a.Parameter.Name)).ToList();
            if (sources.Count == 0) continue;                                            // left out
            var flowing = new HashSet<string>(sources.SelectMany(a => flow.Into(a.Value)));
            if (flowing.Count == 0) throw Weightless($"`{what}`", string.Join(" and ", sources.Select(a => $"`{Name(a.At)}`")), sources.Count, sources[0].At.Id);
            flow.Dropped.Add(flowing);
        }
    }

    private static CheckFailure Weightless(string what, string named, int count, int at)
        => new("SEM0219", $"{what} drops whole samples, and {named} {(count == 1 ? "comes" : "come")} from weights alone, which belong to none: bring in a value that the graph takes first", at: at);

    private CheckFailure Unsampled(string what, string named, Value value, int at)
    {
        if (sampled is not var (name, samples)) return new("SEM0219", $"{what} drops whole samples, and `{graph.Name}` takes no value whose first axis could be the samples", at: at);
        var size = facts.Show(samples.Axes[0]);
        var found = value.Axes.Count == 0 ? "is a scalar" : $"has {facts.Show(value.Axes[0])} on axis 0";
        var folded = value.Axes.Count > 0 && facts.Normalise(value.Axes[0]).Over(facts.Normalise(samples.Axes[0])) is not null;
        return new("SEM0219", $"{what} drops whole samples, which are axis 0 of `{name}` ({size}); {named} {found}{(folded ? $", not one sample after the other: fold behind {size}, \"({size} …)\"" : $"; bring {size} to the front first")}", at: at);
    }

    // the first axis of a result where an operand's goes on in it
    private void Carry(Op op)
    {
        foreach (var result in op.Results)
            result.IsBySample = result.Axes.Count > 0 && op.Kind switch
            {
                OpKind.Reshape or OpKind.Permute or OpKind.Weight => false,          // a rearrangement says so itself
                OpKind.Select when op.Axis == 0 => op.Operands[0]!.HasPartsBySample,
                OpKind.Reduce or OpKind.Gather or OpKind.Sort or OpKind.Concat when op.Axis == 0 => false,
                OpKind.Einsum => op.Text.Substring(0, op.Text.IndexOf("->", System.StringComparison.Ordinal)).Split(',').Zip(op.Operands, (letters, o) => (letters, o))
                    .Any(x => x.o!.IsBySample && x.letters[0] == op.Text[op.Text.IndexOf('>') + 1]),
                _ => op.Operands.Where(o => o is { Axes.Count: > 0 } && facts.Same(o.Axes[0], result.Axes[0])).ToList() is { Count: > 0 } same && same.All(o => o!.IsBySample),
            };
    }

    // B (W R) D -> (B W) R D: the samples, as far as the left side names them by themselves, come first on the right
    private bool KeepsSamples(Pattern left, IReadOnlyList<PatternAxis> right, Value x, System.Func<Token, Dim> size)
    {
        if (!IsBySample(x)) return false;
        if (left.HasEllipsis && left.Axes.Count <= x.Axes.Count) return true;
        var from = left.Axes.First(a => !a.IsEllipsis).Tokens.Where(t => t.Text != "1").Select(t => (t.Text, Size: size(t))).ToList();
        var to = right.FirstOrDefault(a => !a.IsEllipsis)?.Tokens.Where(t => t.Text != "1").Select(t => t.Text).ToList() ?? [];
        var (count, product) = (0, Dim.One);
        while (count < from.Count && !(count > 0 && facts.Same(product, sampled!.Value.Value.Axes[0]))) product *= from[count++].Size;
        return count > 0 && to.Count >= count && to.Take(count).SequenceEqual(from.Take(count).Select(f => f.Text));
    }
}

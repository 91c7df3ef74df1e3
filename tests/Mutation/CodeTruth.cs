using System.Reflection;
using System.Runtime.CompilerServices;
using SemAim.Dsl;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Mutation;

/// <summary>Runs what the compiler wrote beside what the author wrote, at random admissible sizes in float64, for evaluation and (drawing) for training.</summary>
/// <param name="seed">of the draws</param>
/// <param name="anyArithmetic">programs that nobody wrote divide by nearly 0 and take roots of what is less: no digits are wanted that the specification has not got itself, and no NaN of its own in what nobody reads</param>
internal sealed class CodeTruth(int seed, bool anyArithmetic = false)
{
    private const double Tolerance = 1e-9, LastDigits = 1e-13;
    private const int MostSites = 4000;
    private readonly SpecificationTruth draws = new(seed);
    private int filled;

    /// <summary>Graphs that were compared.</summary>
    internal int Compared { get; private set; }

    /// <summary>The first graph whose values or gradients differ, or null.</summary>
    internal string? Difference(Type module, int trials)
    {
        for (var trial = 0; trial < trials; trial++)
        {
            using var scope = NewDisposeScope();
            if (draws.Make(module, SpecificationTruth.DrawOf(trial)) is not var (made, sizes, at)) return null;
            var instance = (GraphModule)made;
            PlacedWeights.Fill(instance);
            foreach (var graph in SpecificationTruth.Graphs(module))
            {
                if (Compiled(module, graph) is not { } code) continue;
                foreach (var training in (bool[])[false, true])
                    if (Difference(instance, graph, code, sizes, training) is { } difference) return $"{module.Name}({at}).{graph.Name}{(training ? " in training" : "")}: {difference}";
            }
        }
        return null;
    }

    // the overload over tensors; a private graph has none, it is read where it is called
    private static MethodInfo? Compiled(Type module, MethodInfo graph)
        => module.GetMethods(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).FirstOrDefault(m => m.Name == graph.Name && m.GetCustomAttribute<GraphAttribute>() is null && m.GetParameters().Zip(graph.GetParameters())
            .All(p => p.Second.ParameterType == typeof(Sym) ? p.First.ParameterType == typeof(Tensor) : p.Second.ParameterType == typeof(OrderMask) || p.First.ParameterType == p.Second.ParameterType) && m.GetParameters().Length >= graph.GetParameters().Length);

    private string? Difference(GraphModule instance, MethodInfo graph, MethodInfo code, Dictionary<string, long> sizes, bool training)
    {
        var takesDraws = code.GetParameters().Any(p => p.ParameterType == typeof(Draws));
        if (training && !takesDraws) return null;
        var call = draws.Call(instance, graph, sizes);
        var inputs = graph.GetParameters().Select((p, i) => call.Shapes[i] is { } shape ? Input(p, p.ParameterType == typeof(OrderMask) ? [shape[0], shape[1] - 1] : shape) : null).ToList();
        // samples: the first axis of the first value whose first axis is bound at the call
        var batch = graph.GetParameters().Where(p => p.ParameterType == typeof(Sym)).Select(p => (First: p.GetCustomAttribute<ShapeAttribute>()!.Shapes[0].Split(' ')[0], Shape: call.Shapes[p.Position]!))
            .Where(p => p.Shape.Length > 0 && p.First != "1" && p.First[0] != '#').OrderBy(p => sizes.ContainsKey(p.First) ? 1 : 0).Select(p => p.Shape[0]).FirstOrDefault(1);
        var table = ((arange(MostSites * batch, float64) * 0.6180339887 + 0.1) % 1.0).reshape(MostSites, batch);
        var results = 0;
        Tensor[] Specified(IReadOnlyList<Tensor?> with)
        {
            var run = training ? Run.Train(table) : Run.Eval;
            var next = 0;
            Sym Value() { while (with[next] is null) next++; return Sym.Of(with[next++]!, run); }
            var said = graph.Invoke(instance, call.Arguments((_, _) => Value()))!;
            results = said is ITuple several ? several.Length : 1;
            return Gradients(instance, said, with);
        }
        Tensor[] specified;
        try { specified = Specified(inputs); }
        catch (Exception e) when (e is TargetInvocationException or System.Runtime.InteropServices.ExternalException) { return graph.GetParameters().Any(SpecificationTruth.IsIndex) ? null : "the specification fails: " + (e.InnerException ?? e).Message.Split('\n')[0]; }
        object?[] arguments = [.. code.GetParameters().Select((p, i) => p.ParameterType == typeof(Draws) ? training ? new Draws(table) : null
            : i >= inputs.Count ? p.DefaultValue
            : p.ParameterType == typeof(AttentionBias) ? inputs[i] is { } rank ? AttentionBias.Of(OrderMask.UpTo(Sym.Of(rank, Run.Eval))) : default(AttentionBias)
            : inputs[i] is { } value ? value : call.Others[i])];
        object result;
        try { result = code.Invoke(instance, arguments)!; }
        catch (TargetInvocationException e) { return "compiled code fails: " + e.InnerException!.Message.Split('\n')[0] + e.InnerException.StackTrace?.Split('\n').FirstOrDefault(l => l.Contains("Forward", StringComparison.Ordinal)); }
        var compiled = Gradients(instance, result, inputs);
        Compared++;
        // how far the specification itself goes where its inputs differ in the last digits: nobody's digits are better than that
        Tensor[]? nudged = null;
        double Change(int i)
        {
            nudged ??= Specified([.. inputs.Select(t => t is { requires_grad: true } ? t.detach().mul(1 + LastDigits).requires_grad_(true) : t)]);
            return (nan_to_num(nudged[i].to(float64), 0.0) - nan_to_num(specified[i].to(float64), 0.0)).abs().max().item<double>();
        }
        for (var i = 0; i < specified.Length; i++)
        {
            if (!specified[i].shape.SequenceEqual(compiled[i].shape)) return $"tensor {i}: {string.Join(' ', specified[i].shape)} and {string.Join(' ', compiled[i].shape)}";
            if (specified[i].dtype != compiled[i].dtype) return $"tensor {i}: {specified[i].dtype} and {compiled[i].dtype}";
            if (specified[i].numel() == 0) continue;
            var (x, y) = (nan_to_num(specified[i].to(float64), 0.0), nan_to_num(compiled[i].to(float64), 0.0));
            // what nobody reads is not computed, and fused attention leaves out rows without numbers: where the specification has none there may be one, never the other way round
            var (noNumber, alsoNone) = (specified[i].to(float64).isnan(), compiled[i].to(float64).isnan());
            if (!anyArithmetic && !noNumber.equal(alsoNone).all().item<bool>()) return $"tensor {i}: not the same values are no numbers";
            if ((alsoNone & ~noNumber).any().item<bool>()) return $"tensor {i}: no numbers where the specification has some";
            (x, y) = (x.masked_fill(noNumber, 0), y.masked_fill(noNumber, 0));
            var (scale, difference) = (Math.Max(1, x.abs().max().item<double>()), (x - y).abs().max().item<double>());
            if (!(difference <= Tolerance * scale) && !(anyArithmetic && difference <= Change(i))) return $"tensor {i} differs by {difference} at scale {scale}";
        }
        return null;
    }

    private Tensor Input(ParameterInfo p, long[] shape)
    {
        var count = shape.Aggregate(1L, (a, b) => a * b);
        var n = arange(count, float64);
        if (SpecificationTruth.IsIndex(p)) return (n.to(int64) % shape[^1]).reshape(shape);
        if (SpecificationTruth.IsCondition(p)) return ((n * 7 % 3) > 1).reshape(shape);
        // positive, so that roots and logarithms of inputs have values
        return ((n * 0.731 + 0.2 + 0.37 * filled++).sin() * 0.45 + 0.55).reshape(shape).detach().requires_grad_(p.ParameterType == typeof(Sym));
    }

    // the results, then the gradient of every parameter and of every input
    private static Tensor[] Gradients(GraphModule model, object result, IReadOnlyList<Tensor?> inputs)
    {
        var leaves = model.parameters().Concat(inputs.OfType<Tensor>().Where(i => i.requires_grad)).ToList();
        var parts = result is ITuple tuple ? Enumerable.Range(0, tuple.Length).Select(i => tuple[i]!) : [result];
        var tensors = parts.Select(p => p as Tensor ?? ((Sym)p).Value).ToList();
        var losses = tensors.Where(t => t.requires_grad).Select((t, i) => (t.sin() * (i + 1)).sum()).ToList();
        foreach (var leaf in leaves) leaf.grad?.zero_();
        if (losses.Count > 0) losses.Aggregate((a, b) => a + b).backward();
        return [.. tensors.Select(t => t.detach()), .. leaves.Select(p => p.grad is { } g ? g.clone() : zeros_like(p))];
    }
}

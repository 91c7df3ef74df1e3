using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using SemAim.Generators.Check;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Emit;

/// <summary>Draws a graph as a Mermaid flowchart: layers, calls and what joins streams; views and element-wise operations are left out.</summary>
internal sealed class MermaidEmitter
{
    private readonly ModuleScope scope;
    private readonly List<string> lines = ["flowchart TD"];
    private readonly Dictionary<Value, List<string>> sources = [];
    private readonly HashSet<string> drawn = [];
    private int nodes;

    private MermaidEmitter(ModuleScope scope) => this.scope = scope;

    /// <summary>The lines of the diagram.</summary>
    internal static IReadOnlyList<string> Lines(ModuleScope scope, CheckedGraph graph)
    {
        var emitter = new MermaidEmitter(scope);
        var values = graph.Unit.Parameters.Where(p => p.Kind != ParameterKind.Host).ToList();
        for (var i = 0; i < values.Count; i++)
            if (values[i].Kind == ParameterKind.Value) emitter.Node(graph.Body.Parameters[i], "([", $"{values[i].Name}: {Shapes.Show(scope.Facts, graph.Body.Parameters[i].Axes)}", "])", 1, []);
        emitter.Region(graph.Body, 1);
        foreach (var result in graph.Body.Results) emitter.Node(new(result.Axes), "([", Shapes.Show(scope.Facts, result.Axes), "])", 1, emitter.From(result));
        return emitter.lines;
    }

    private List<string> From(Value? v) => v is not null && sources.TryGetValue(v, out var s) ? s : [];

    private void Node(Value made, string open, string label, string close, int depth, IEnumerable<string> from)
    {
        var id = "n" + (++nodes).ToString(CultureInfo.InvariantCulture);
        lines.Add($"{new string(' ', 2 * depth)}{id}{open}\"{label}\"{close}");
        foreach (var source in from.Distinct())
            if (drawn.Add(source + id)) lines.Add($"{new string(' ', 2 * depth)}{source} --> {id}");
        sources[made] = [id];
    }

    private void Region(Region region, int depth)
    {
        foreach (var op in region.Ops)
        {
            var from = op.Operands.SelectMany(From).ToList();
            string Name() => op.Index is null ? op.Text : $"{op.Text} {scope.Facts.Show(op.Index)}";
            switch (op.Kind)
            {
                case OpKind.Weight: Node(op.Result, "[/", $"{op.Text}: {Shapes.Show(scope.Facts, op.Result.Axes)}", "/]", depth, from); break;
                case OpKind.Linear or OpKind.LayerNorm or OpKind.Conv2d: Node(op.Result, "[", op.Method == Passes.FuseGelu.Method ? $"gelu, {Name()}" : Name(), "]", depth, from); break;
                case OpKind.Call:
                    Node(op.Result, "[", $"{(op.Text.Length > 0 ? Name() : op.Method)}{(op.Method is "Forward" || op.Text.Length == 0 ? "" : "." + op.Method)}", "]", depth, from);
                    foreach (var other in op.Results.Skip(1)) sources[other] = sources[op.Result];
                    break;
                case OpKind.Attend: Node(op.Result, "[", "attention", "]", depth, from); break;
                case OpKind.Softmax or OpKind.Normalize or OpKind.Concat or OpKind.Einsum: Node(op.Result, "[", op.Kind.ToString().ToLowerInvariant(), "]", depth, from); break;
                case OpKind.Reduce: Node(op.Result, "[", op.Method, "]", depth, from); break;
                case OpKind.Binary when op.Operands.All(o => From(o).Count > 0): Node(op.Result, "((", op.Method == "*" ? "×" : op.Method, "))", depth, from); break;
                case OpKind.Unary: Node(op.Result, "[", op.Method, "]", depth, from); break;
                case OpKind.Repeat: Repeat(op, depth); break;
                case OpKind.Cut:
                    for (var i = 0; i < op.Results.Count; i++) sources[op.Results[i]] = From(op.Operands[i]);
                    break;
                case OpKind.If:
                    Region(op.Body!, depth);
                    Region(op.Otherwise!, depth);
                    for (var i = 0; i < op.Results.Count; i++) sources[op.Results[i]] = [.. From(op.Body!.Results[i]), .. From(op.Otherwise!.Results[i])];
                    break;
                default: foreach (var r in op.Results) sources[r] = from; break;
            }
        }
    }

    private void Repeat(Op op, int depth)
    {
        var indent = new string(' ', 2 * depth);
        lines.Add($"{indent}subgraph {op.Variable}{(++nodes).ToString(CultureInfo.InvariantCulture)}[\"{op.Variable} = {scope.Facts.Show(op.Dims[0])} … {scope.Facts.Show(op.Dims[1] - 1)}\"]");
        for (var i = 0; i < op.Operands.Count; i++) sources[op.Body!.Parameters[i]] = From(op.Operands[i]);
        Region(op.Body!, depth + 1);
        lines.Add($"{indent}end");
        for (var i = 0; i < op.Results.Count; i++) sources[op.Results[i]] = From(op.Body!.Results[i]);
    }
}

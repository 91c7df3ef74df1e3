using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Check;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Emit;

/// <summary>Writes the wrappers of graphs marked <c>[Graph(Capture = true)]</c>: static buffers from symbolic sizes, shape check, replay.</summary>
internal static class CaptureEmitter
{
    /// <summary>Graphs that can be wrapped: every axis has a size, and masks and host values may be left out.</summary>
    internal static bool IsWrappable(CheckedGraph graph)
        => graph.Unit.Capture && !graph.Bound.Contains("...") && graph.Unit.Parameters.All(p => p.Kind == ParameterKind.Value || p.Optional) && graph.Unit.Parameters.Any(p => p.Kind == ParameterKind.Value);

    /// <summary>Members of the module that the wrappers' buffers need.</summary>
    internal static IEnumerable<string> Members(ModuleScope scope, IEnumerable<CheckedGraph> graphs)
    {
        var names = new HashSet<string>(graphs.Where(IsWrappable).SelectMany(g => g.Body.Parameters).SelectMany(p => p.Axes).SelectMany(a => Expressions.Names(scope.Facts.Text(a))));
        return scope.Unit.Members.Select(m => m.Name).Where(names.Contains);
    }

    internal static void Write(ModuleScope scope, CheckedGraph graph, bool takesDraws, string accessibility, bool isAmbiguous, RuntimeNames module, CodeWriter code)
    {
        var unit = graph.Unit;
        var all = unit.Parameters.Where(p => p.Kind != ParameterKind.Host).ToList();
        var values = all.Where(p => p.Kind == ParameterKind.Value).ToList();
        var bound = graph.Bound.ToList();
        var names = module.Within(values.Select(p => p.Name));
        var tensor = names["Tensor"];
        // the constructor's own parameters, beside the graph's
        var taken = new HashSet<string>(values.Select(p => p.Name).Concat(bound));
        string Free(string name) => taken.Add(name) ? name : Free("the" + char.ToUpperInvariant(name[0]) + name.Substring(1));
        string Field(GraphParameter p) => p.Name is "Buffers" or "Replay" ? "the" + p.Name : Identifier.Escaped(p.Name);
        var (model, device) = (Free("model"), Free("device"));
        string Axes(GraphParameter p) => string.Concat(graph.Body.Parameters[all.IndexOf(p)].Axes.Select(a => ", " + InModel(scope, bound, model, scope.Facts.Text(a))));
        var name = $"{(isAmbiguous ? scope.Unit.Name : "")}{unit.Name}Capture";
        var result = unit.Results.Count <= 1 ? tensor : $"({string.Join(", ", unit.Results.Select(_ => tensor))})";
        code.Line();
        code.Line($"/// <summary>{scope.Unit.Name}.{unit.Name} on static buffers: captured once and replayed where the device can, called where it cannot. Without gradient, for batches of one size.</summary>");
        code.Line($"{accessibility} sealed class {name}({Identifier.Escaped(scope.Unit.Name)} {model}{string.Concat(bound.Select(b => $", long {Identifier.Escaped(b)}"))}, {names["torch"]}.Device {device}) : global::SemAim.Runtime.Capture.GraphCapture({device})");
        code.Open();
        foreach (var p in values) code.Line($"private {tensor} {Field(p)} = Static({device}{Axes(p)});");
        code.Line();
        code.Line("/// <inheritdoc />");
        code.Line($"protected override global::System.Collections.Generic.IReadOnlyList<{tensor}> Buffers => [{string.Join(", ", values.Select(Field))}];");
        code.Line();
        code.Line("/// <summary>The graph of these values. The result stays the wrapper's, valid until the next call.</summary>");
        code.Line($"public {result} Replay({string.Join(", ", values.Select(p => $"{tensor} {Identifier.Escaped(p.Name)}"))})");
        code.Open();
        foreach (var p in values) code.Line($"{names["Guard"]}.Shape({Identifier.Escaped(p.Name)}, nameof({Identifier.Escaped(p.Name)}){Axes(p)});");
        foreach (var p in values) code.Line($"Load(ref this.{Field(p)}, {Identifier.Escaped(p.Name)});");
        var arguments = unit.Parameters.Select(p => p.Kind == ParameterKind.Value ? "this." + Field(p) : p.Default.Length > 0 ? p.Default : "default").Concat(takesDraws ? ["null"] : []).Concat(unit.Cuts ? ["null"] : []).Concat(bound.Select(Identifier.Escaped));
        code.Line($"return Run(() => {model}.__{unit.Name}({string.Join(", ", arguments)}));");
        code.Close();
        code.Close();
    }

    // S of the model is model.__S
    private static string InModel(ModuleScope scope, List<string> bound, string model, string size)
    {
        var names = new HashSet<string>(scope.Unit.Sizes.Select(s => s.Name).Concat(scope.Unit.Members.Select(m => m.Name)));
        return Expressions.Rename(size, name => names.Contains(name) && !bound.Contains(name) ? $"{model}.__{name}" : Identifier.Escaped(name));
    }
}

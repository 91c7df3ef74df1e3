using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Check;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Analyze;

/// <summary>Sizes of callees in their caller's words.</summary>
public static class Costs
{
    /// <summary>Stands for the product of the axes behind <c>...</c> in a published cost.</summary>
    public const string Leading = "leading";

    /// <summary>The size as text over the module's names; empty for null.</summary>
    public static string Write(SizeFacts facts, Dim? size) => size is null ? "" : facts.Text(size).Replace("…", Leading);

    /// <summary>Product of the axes of a value.</summary>
    public static Dim Elements(Value v) => v.Axes.Aggregate(Dim.One, (a, b) => a * b);

    /// <summary>A published cost of a callee, in the caller's sizes; null where it is unknown.</summary>
    public static Dim? OfCall(ModuleScope scope, Op call, string cost)
    {
        if (cost.Length == 0 || SizeText.Parse(cost) is not { } e || Contract(scope, call) is not { } contract) return null;
        var sizes = Sizes(scope, call, contract);
        return Expressions.Evaluate(e, sizes, scope.Facts.Divide);
    }

    /// <summary>The callee's module: another one, or this one for graphs that call each other.</summary>
    public static ModuleContract? Contract(ModuleScope scope, Op call) => call.Callee ?? (scope.Contracts.TryGetValue(scope.Unit.FullName, out var own) ? own : null);

    /// <summary>What is known of the called graph.</summary>
    public static GraphContract? Graph(ModuleScope scope, Op call) => Contract(scope, call)?.Graphs.FirstOrDefault(g => g.Name == call.Method);

    // names of the callee: constructor sizes and members as the layer was made, call-bound ones as the operands bind them
    private static System.Func<string, Dim?> Sizes(ModuleScope scope, Op call, ModuleContract contract)
    {
        var layer = call.Callee is not null && scope.Layers.TryGetValue(call.Text, out var resolved) ? resolved : null;
        var bound = new Dictionary<string, Dim>();
        Dim? Size(string name)
        {
            if (bound.TryGetValue(name, out var b)) return b;
            if (call.Callee is null) return scope.Facts[name];
            if (layer is not null && layer.Sizes.TryGetValue(name, out var s)) return s;
            return contract.Members.FirstOrDefault(m => m.Name == name) is { } member ? Expressions.Evaluate(member.Value, Size, scope.Facts.Divide) : null;
        }
        if (contract.Graphs.FirstOrDefault(g => g.Name == call.Method) is not { } callee) return Size;
        var parameters = callee.Parameters.Where(p => p.Kind != ParameterKind.Host).ToList();
        for (var i = 0; i < parameters.Count && i < call.Operands.Count; i++)
        {
            if (parameters[i].Shape is not { } shape || call.Operands[i] is not { } operand) continue;
            var tokens = shape.Text.Split([' '], System.StringSplitOptions.RemoveEmptyEntries);
            var open = tokens.Length > 0 && tokens[0] == "...";
            var offset = operand.Axes.Count - tokens.Length;
            if (open && !bound.ContainsKey(Leading)) bound[Leading] = operand.Axes.Take(offset + 1).Aggregate(Dim.One, (a, b) => a * b);
            for (var t = open ? 1 : 0; t < tokens.Length; t++)
                if (Size(tokens[t]) is null && tokens[t][0] != '#' && offset + t >= 0) bound[tokens[t]] = operand.Axes[offset + t];
        }
        // what is 1 or a size: where nothing else tells the size
        for (var i = 0; i < parameters.Count && i < call.Operands.Count; i++)
            if (parameters[i].Shape is { } shape && call.Operands[i] is { } operand && shape.Text.Split([' '], System.StringSplitOptions.RemoveEmptyEntries) is var tokens)
                for (var t = 0; t < tokens.Length; t++)
                    if (tokens[t][0] == '#' && tokens[t].TrimStart('#') is var name && Size(name) is null && operand.Axes.Count - tokens.Length + t >= 0) bound[name] = scope.Facts.Widest(operand.Axes[operand.Axes.Count - tokens.Length + t]);
        return Size;
    }

    /// <summary>How often a loop runs; null where that depends on an outer loop.</summary>
    public static Dim? Trips(Op repeat, IEnumerable<string> outer)
    {
        var trips = repeat.Dims[1] - repeat.Dims[0];
        return trips.Symbols.Any(outer.Contains) ? null : trips;
    }

    /// <summary>The greater of two, where that is certain.</summary>
    public static Dim? Greater(SizeFacts facts, Dim a, Dim b)
        => facts.Same(a, b) ? a : facts.IsNeverNegative(a - b) ? a : facts.IsNeverNegative(b - a) ? b : null;
}

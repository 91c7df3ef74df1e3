using System.Linq;
using SemAim.Generators.Check;
using SemAim.Generators.Ir;
using SemAim.Generators.Passes;

namespace SemAim.Generators.Emit;

/// <summary>What the precision plan casts in a graph, in its author's names; callees have plans of their own.</summary>
internal static class CastList
{
    private const int MostCasts = 8;

    /// <summary>Lowered and raised values; empty where there are none.</summary>
    internal static string Of(ModuleScope scope, CheckedGraph graph)
    {
        if (GraphChecker.Check(scope, graph.Unit, _ => { }) is not { } planned) return "";
        new PlanPrecision().Run(planned);
        string Kind(OpKind kind, string what)
        {
            var casts = Rewriting.All(planned.Body).Where(o => o.Kind == kind).Select(o => Described(o.Operands[0]!) + (o.Text.Length > 0 ? $" for {o.Text}" : "")).Distinct().ToList();
            return casts.Count == 0 ? "" : $"; {what}: {string.Join(", ", casts.Take(MostCasts))}{(casts.Count > MostCasts ? ", …" : "")}";
        }
        return Kind(OpKind.Lower, "lowered") + Kind(OpKind.Raise, "raised");
    }

    private static string Described(Value v) => v.Name ?? v.Producer switch
    {
        null => "an argument",
        { Text.Length: > 0, Kind: OpKind.Linear or OpKind.LayerNorm or OpKind.Conv2d or OpKind.Call or OpKind.Weight } made => $"the result of {made.Text}",
        { Kind: OpKind.Unary or OpKind.Reduce } made => $"the {made.Method}",
        { Kind: OpKind.Scalar or OpKind.Binary } made => made.Method.TrimStart('r') switch { "+" => "a sum", "-" => "a difference", "*" => "a product", "/" => "a quotient", _ => "a power" },
        { } view when OpTable.Of(view.Kind).Result == Ownership.View => Described(view.Operands[0]!),
        var made => $"the {made.Kind.ToString().ToLowerInvariant()}",
    };
}

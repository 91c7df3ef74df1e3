using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using SemAim.Generators.Analyze;
using SemAim.Generators.Check;
using SemAim.Generators.Ir;
using SemAim.Generators.Passes;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Emit;

/// <summary>Writes what others may know of a module: attributes for compilations that reference it, its sizes, its costs by configuration and its diagram.</summary>
internal static class PublishedEmitter
{
    private const int LongestCost = 240, WidestLine = 140, WidestPrice = 60, WidestText = 110;

    /// <summary>The second part of the class, which carries what compilations that reference the module read.</summary>
    internal static void Attributes(ModuleUnit unit, ModuleContract contract, CodeWriter code)
    {
        var names = new RuntimeNames(unit.Hidden);
        var lines = new List<string>();
        var graphs = contract.Graphs.Where(g => g.Summary.Cost is not null).ToList();
        lines.AddRange(graphs.SelectMany(g => Attribute(names["GraphSummary"], [.. Summary(g)])));
        lines.AddRange(contract.Weights.Select(w => $"[{names["GraphWeight"]}({Identifier.Literal(w.Key)}, \"{w.Shape}\"{(w.IsTrained ? "" : ", Constant = true")}{(w.IsProductOnly ? ", Products = true" : "")}{(w.Level.Length > 0 ? $", Level = \"{w.Level}\"" : "")})]"));
        var texts = graphs.SelectMany(g => g.Parameters.Select(p => p.Shape?.Text ?? "").Concat(g.Results.Select(r => r.Text))).Concat(contract.Facts.Select(f => f.Text)).Concat(lines).ToList();
        var sizes = Used(unit, texts).Select(member => $"[{names["GraphSize"]}(\"{member.Name}\", \"{Text(member.Value)}\")]").ToList();
        if (lines.Count + sizes.Count == 0) return;
        code.Line();
        code.Line("// what other assemblies may know");
        foreach (var line in sizes.Concat(lines)) code.Line(line);
        code.Line($"partial class {Identifier.Escaped(unit.Name)} {{ }}");
    }

    // on one line, or one argument a line where that is too long to read
    private static IEnumerable<string> Attribute(string name, List<string> arguments)
    {
        if ($"[{name}({string.Join(", ", arguments)})]" is { Length: <= WidestLine } line)
        {
            yield return line;
            yield break;
        }
        yield return $"[{name}({arguments[0]}, {arguments[1]},";
        for (var i = 2; i < arguments.Count; i++)
        {
            var end = i == arguments.Count - 1 ? ")]" : ",";
            if (arguments[i].Length <= WidestLine)
            {
                yield return $"    {arguments[i]}{end}";
                continue;
            }
            var quote = arguments[i].IndexOf('"');
            yield return "    " + arguments[i].Substring(0, quote).TrimEnd();
            var rows = Rows(arguments[i].Substring(quote + 1, arguments[i].Length - quote - 2).Split(' '));
            for (var r = 0; r < rows.Count; r++) yield return $"        \"{rows[r]}{(r < rows.Count - 1 ? " \" +" : "\"" + end)}";
        }
    }

    // words side by side as long as a line is not too long
    private static List<string> Rows(IEnumerable<string> words)
    {
        var rows = new List<string>();
        foreach (var word in words)
            if (rows.Count > 0 && rows[rows.Count - 1].Length + word.Length < WidestText) rows[rows.Count - 1] += " " + word;
            else rows.Add(word);
        return rows;
    }

    // members that the published texts name, and those that define them
    private static IEnumerable<SizeMember> Used(ModuleUnit unit, IEnumerable<string> texts)
    {
        var names = new HashSet<string>(texts.SelectMany(Expressions.Names));
        for (var count = -1; count != names.Count;)
        {
            count = names.Count;
            foreach (var member in unit.Members.Where(m => names.Contains(m.Name))) names.UnionWith(Expressions.SizeNames(member.Value));
        }
        return unit.Members.Where(m => names.Contains(m.Name));
    }

    private static IEnumerable<string> Summary(GraphContract graph)
    {
        var (summary, cost) = (graph.Summary, graph.Summary.Cost!);
        yield return $"\"{graph.Name}\"";
        yield return $"\"{string.Join(", ", new[] { summary.IsTokenWise ? "token-wise" : "", summary.IsStochastic ? "stochastic" : "", summary.DrawsOnDevice ? "draws-on-device" : "", summary.IsCaptureSafe ? "capture-safe" : "" }.Where(t => t.Length > 0))}\"";
        (string Name, string Text)[] all = [("MultiplyAdds", cost.MultiplyAdds), ("SavedBytes", cost.Saved), ("SavedBytesNarrow", cost.SavedNarrow), ("SavedArguments", string.Join(" ", cost.Arguments)), ("SavedArgumentsNarrow", string.Join(" ", cost.ArgumentsNarrow)), ("ProductArguments", string.Join(" ", cost.Products)), ("LoweredArguments", string.Join(" ", summary.Lowered)), ("DropsFrom", string.Join("; ", summary.DropsFrom)), ("Takes", summary.Elements?.TakesText ?? ""), ("Gives", summary.Elements?.GivesText ?? ""), ("Reads", string.Join(" ", cost.Reads))];
        foreach (var (name, text) in all) if (text.Length is > 0 and <= LongestCost || name is "Takes" or "Gives" or "Reads" && text.Length > 0) yield return $"{name} = \"{text}\"";
    }

    /// <summary>Sizes by name, costs by configuration, the diagram, what the passes changed.</summary>
    internal static void Members(ModuleScope scope, IReadOnlyDictionary<string, CheckedGraph> graphs, IReadOnlyDictionary<string, PassJournal> journals, RuntimeNames words, CodeWriter code)
    {
        var unit = scope.Unit;
        var names = unit.Sizes.Select(s => s.Name).Concat(unit.Members.Select(m => m.Name)).ToList();
        if (names.Count > 0)
        {
            code.Line("/// <inheritdoc />");
            var arms = names.Select(n => $"\"{n}\" => {Identifier.Escaped(n)}").ToList();
            const string head = "protected override long SizeOf(string name) => name switch";
            if ($"{head} {{ {string.Join(", ", arms)}, _ => base.SizeOf(name) }};" is { Length: <= WidestLine } line) code.Line(line);
            else
            {
                code.Line(head);
                code.Line("{");
                foreach (var row in Rows(arms.Select(a => a + ","))) code.Line("    " + row);
                code.Line("    _ => base.SizeOf(name),");
                code.Line("};");
            }
            code.Line();
        }
        code.Line(CostsMark);
        if (words.IsHidden("Mermaid")) { }
        else if (unit.Graphs.FirstOrDefault(g => !g.Inlined && g.Capture) is { } main || (main = unit.Graphs.FirstOrDefault(g => !g.Inlined)) is not null)
            if (graphs.TryGetValue(main.Name, out var graph))
            {
                code.Line($"/// <summary>{main.Name} as Mermaid text.</summary>");
                code.Line("public const string Mermaid = \"\"\"");
                foreach (var line in MermaidEmitter.Lines(scope, graph)) code.Line("    " + line);
                code.Line("    \"\"\";");
                code.Line();
            }
        var changes = unit.Graphs.Where(g => !g.Inlined && journals.ContainsKey(g.Name)).SelectMany(g => journals[g.Name].Entries.Select(e => (Graph: g.Name, e.Pass, e.Changes))).ToList();
        if (changes.Count == 0 || words.IsHidden("PassChanges")) return;
        code.Line("/// <inheritdoc />");
        code.Line($"public override global::System.Collections.Generic.IReadOnlyList<{words["PassChange"]}> PassChanges => __passes;");
        code.Line();
        code.Line($"private static readonly {words["PassChange"]}[] __passes =");
        code.Line("[");
        foreach (var (name, pass, what) in changes) code.Line($"    new(\"{name}\", \"{pass}\", {Identifier.Literal(what)}),");
        code.Line("];");
        code.Line();
    }

    private const string CostsMark = "‹costs›";

    /// <summary>Stands in a compiled module where a graph's price goes.</summary>
    internal static string PriceMark(string graph) => $"‹price {graph}›";

    /// <summary>Puts costs and attributes, which follow from the bodies of callees, into a compiled module.</summary>
    internal static string Fill(string text, ModuleUnit unit, ModuleContract? contract)
    {
        var table = new CodeWriter();
        var names = new RuntimeNames(unit.Hidden);
        if (contract is not null && !names.IsHidden("Costs") && text.Contains(CostsMark) && Rows(unit, contract).ToList() is { Count: > 0 } rows)
        {
            table.Line("    /// <summary>What the graphs of the published configurations cost.</summary>");
            table.Line($"    public static global::System.Collections.Generic.IReadOnlyList<{names["GraphCost"]}> Costs {{ get; }} =");
            table.Line("    [");
            foreach (var row in rows) table.Line("        " + row);
            table.Line("    ];");
            table.Line();
        }
        text = text.Replace($"    {CostsMark}\n", table.ToString());
        foreach (var graph in unit.Graphs) text = text.Replace(PriceMark(graph.Name), Price(contract?.Graphs.FirstOrDefault(g => g.Name == graph.Name)));
        if (contract is null || !unit.IsEmittable) return text;
        var published = new CodeWriter();
        Attributes(unit, contract, published);
        return text + published;
    }

    // graphs whose cost is fixed but for the first size bound at the call, the batch
    private static IEnumerable<string> Rows(ModuleUnit unit, ModuleContract contract)
    {
        foreach (var variant in unit.Variants)
        {
            var counts = new Dictionary<string, long?>();
            foreach (var w in contract.Weights.Where(w => w.IsTrained)) counts[w.Key] = Count(unit, variant, w);
            foreach (var graph in contract.Graphs)
            {
                if (graph.Summary.Cost is not { } cost) continue;
                // proportional to the batch, or nothing
                long? Sample(string text)
                {
                    if (text == "0") return 0;
                    if (text.Length == 0 || SizeText.Parse(text) is not { } size) return null;
                    long? Of(long batch) => VariantNumbers.Evaluate(unit, variant, size, name => name == "B" ? batch : null);
                    return Of(0) == 0 && Of(1) is { } one && Of(2) == 2 * one ? one : null;
                }
                if (cost.MultiplyAdds.Length > 0 && Sample(cost.MultiplyAdds) is null) continue;
                long? parameters = 0;
                foreach (var key in cost.Reads) if (counts.TryGetValue(key, out var count)) parameters += count;
                if (parameters is null || parameters == 0 && cost.MultiplyAdds == "0") continue;
                string Number(long? n) => n is null ? "-1" : Group(n.Value);
                yield return $"new({Identifier.Literal(variant.Name)}, \"{graph.Name}\", Parameters: {Number(parameters)}, MultiplyAdds: {Number(Sample(cost.MultiplyAdds))}, SavedBytes: {Number(Sample(cost.Saved))}, SavedBytesNarrow: {Number(Sample(cost.SavedNarrow))}),";
            }
        }
    }

    private static long? Count(ModuleUnit unit, Variant variant, WeightEntry weight)
    {
        long? count = 1;
        foreach (var axis in weight.Shape.Split([' '], System.StringSplitOptions.RemoveEmptyEntries)) count *= VariantNumbers.Evaluate(unit, variant, axis);
        for (var open = weight.Key.IndexOf("{0..", System.StringComparison.Ordinal); open >= 0; open = weight.Key.IndexOf("{0..", open + 1, System.StringComparison.Ordinal))
            count *= VariantNumbers.Evaluate(unit, variant, weight.Key.Substring(open + 4, weight.Key.IndexOf('}', open) - open - 4));
        return count;
    }

    // 175_424_256
    private static string Group(long n)
    {
        var digits = System.Math.Abs(n).ToString(CultureInfo.InvariantCulture);
        for (var i = digits.Length - 3; i > 0; i -= 3) digits = digits.Insert(i, "_");
        return n < 0 ? "-" + digits : digits;
    }

    /// <summary>Parameters and multiply-adds for the summary of a graph.</summary>
    private static string Price(GraphContract? graph)
    {
        if (graph?.Summary.Cost is not { MultiplyAdds: { Length: > 0 and <= LongestCost } text } || text == "0") return "";
        return Nice(text) is { Length: > WidestPrice } price ? $"\n    /// Multiply-adds {price}." : $" Multiply-adds {Nice(text)}.";
    }

    // 4·B·T·D² rather than 4 * B * T * D * D
    private static string Nice(string text)
    {
        var words = text.Replace(" * ", "*").Split(' ');                 // factors without blanks: what is left between them are signs
        return string.Join(" ", words.Select(word => word is "+" or "-" ? word : string.Join("·", word.Split('*').GroupBy(f => f)
            .Select(g => g.Count() switch { 1 => g.Key, 2 => g.Key + "²", 3 => g.Key + "³", var n => $"{g.Key}^{n.ToString(CultureInfo.InvariantCulture)}" }))));
    }

    /// <summary>A size expression as text.</summary>
    private static string Text(Expr e) => e switch
    {
        Expr.Int n => n.Value.ToString(CultureInfo.InvariantCulture),
        Expr.Size s => s.Name,
        Expr.Negate n => $"0 - {Operand(n.Operand)}",
        Expr.Binary b => $"{Operand(b.Left)} {b.Operator} {Operand(b.Right)}",
        _ => "0",
    };

    private static string Operand(Expr e) => e is Expr.Binary or Expr.Negate ? $"({Text(e)})" : Text(e);
}

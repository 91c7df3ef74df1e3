using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using SemAim.Generators.Analyze;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Check;

/// <summary>What is right and could be better: work done twice or for nothing, shapes that fast kernels may refuse, maps that need not exist, large static buffers. Looks at graphs as written, before any pass.</summary>
public static class QualityChecker
{
    private const int HeadMultiple = 8, ExampleBatch = 32, CaptureBatch = 256, BytesOfFloat = 4;
    private const long LargestCaptureBytes = 128_000_000;

    /// <summary>Reports on one graph that was found right.</summary>
    /// <param name="scope">its module</param>
    /// <param name="graph">the graph, before any pass</param>
    /// <param name="casts">what the precision plan casts in it, as text</param>
    /// <param name="recognised">maps that a pass makes part of an attention</param>
    /// <param name="report">takes the findings</param>
    public static void Check(ModuleScope scope, CheckedGraph graph, Func<CheckedGraph, string> casts, Func<CheckedGraph, IEnumerable<Op>> recognised, Action<Finding> report)
    {
        var fused = new HashSet<Op>(recognised(graph));
        var seen = new HashSet<int>();
        void Once(Finding finding)
        {
            if (seen.Add(finding.At)) report(finding);
        }
        Region(scope, graph.Body, fused, Once);
        if (graph.Unit.Capture) Capture(scope, graph, report);
        Precision(scope, graph, casts, report);
    }

    private static void Region(ModuleScope scope, Region region, HashSet<Op> fused, Action<Finding> report)
    {
        var earlier = new List<Op>();
        foreach (var op in region.Ops)
        {
            Twice(scope, op, earlier, report);
            if (op.Kind == OpKind.Attend) HeadWidth(scope, op, report);
            if (op.Kind == OpKind.Softmax && !fused.Contains(op)) Materialised(scope, op, region, report);
            foreach (var inner in Rewriting.Regions(op)) Region(scope, inner, fused, report);
        }
        foreach (var op in region.Ops) UnusedRow(scope, op, region, report);
    }

    // views and cheap operations are no one's concern
    private static void Twice(ModuleScope scope, Op op, List<Op> earlier, Action<Finding> report)
    {
        if (op.Kind is not (OpKind.Linear or OpKind.LayerNorm or OpKind.Conv2d or OpKind.Call) || !Rewriting.IsPure(op)) return;
        if (earlier.FirstOrDefault(e => e.Kind == op.Kind && e.Text == op.Text && e.Method == op.Method && Equals(e.Index, op.Index) && e.Operands.SequenceEqual(op.Operands) && e.Host.Count == op.Host.Count && e.Host.All(h => op.Host.TryGetValue(h.Key, out var v) && v == h.Value)) is not { } first)
        {
            earlier.Add(op);
            return;
        }
        if (first.Source == op.Source) return;
        var call = $"{(op.Text.Length > 0 ? op.Text + (op.Index is null ? "" : $"[{scope.Facts.Show(op.Index)}]") + "." : "")}{(op.Kind == OpKind.Call ? op.Method : "Forward")}";
        report(new("SEM0701", $"`{call}` is computed twice with the same input{(op.Operands.Count > 0 && op.Operands[0]?.Name is { } name ? $" `{name}`" : "")}; the compiler computes it once", op.Source));
    }

    private static void HeadWidth(ModuleScope scope, Op op, Action<Finding> report)
    {
        var width = scope.Facts.Normalise(op.Operands[0]!.Axes[3]);
        if (width.Number is { } fixedWidth)
        {
            if (fixedWidth % HeadMultiple != 0) report(new("SEM0703", $"head width {Text(fixedWidth)} is not a multiple of {HeadMultiple}; fused attention kernels may refuse it", op.Source));
            return;
        }
        foreach (var variant in scope.Unit.Variants)
            if (Number(scope, variant, width) is { } n && n % HeadMultiple != 0)
            {
                report(new("SEM0703", $"head width {scope.Facts.Show(width)} = {Text(n)} ({variant.Name}) is not a multiple of {HeadMultiple}; fused attention kernels may refuse it", op.Source));
                return;
            }
    }

    // softmax of a product over an axis of tokens, read by another product: attention written out
    private static void Materialised(ModuleScope scope, Op op, Region region, Action<Finding> report)
    {
        var map = op.Result;
        if (map.Axes.Count < 4 || op.Axis != map.Axes.Count - 1 || !IsProduct(op.Operands[0])) return;
        // a map that is asked for has to be there
        if (region.Results.Contains(map) || !region.Ops.Any(o => o.Kind == OpKind.Einsum && o.Operands.Contains(map))) return;
        var batch = map.Axes.Skip(1).Aggregate(Dim.One, (a, b) => a * b);
        var numbers = scope.Unit.Variants.Select(v => (v.Name, Count: Number(scope, v, scope.Facts.Normalise(batch)))).FirstOrDefault(v => v.Count is not null);
        var size = numbers.Count is { } count ? $" ({(count * ExampleBatch * BytesOfFloat / 1e6).ToString("0.#", CultureInfo.InvariantCulture)} MB at {map.Axes[0]} = {Text(ExampleBatch)}, float32, {numbers.Name})" : "";
        report(new("SEM0704", $"a value of size {string.Join("·", map.Axes.Select(a => scope.Facts.Show(a)))} is materialised{size}; written with Attend it would not be", op.Source));
    }

    // scaled by numbers; a bias is nothing that Attend would take
    private static bool IsProduct(Value? v) => v?.Producer is { } op && (op.Kind == OpKind.Einsum || op is { Kind: OpKind.Scalar, Method: "*" or "/" } && op.Operands.Any(IsProduct));

    // what is computed token by token, and only a part of it is read
    private static void UnusedRow(ModuleScope scope, Op op, Region region, Action<Finding> report)
    {
        if (op.Kind is not (OpKind.Narrow or OpKind.Select) || op.Operands[0] is not { } x) return;
        bool IsReadElsewhere(Value v, Op by) => region.Results.Contains(v) || region.Ops.Any(o => o != by && Rewriting.Reads(o).Contains(v));
        var reader = op;
        for (; x.Producer is { Kind: OpKind.Unary or OpKind.Scalar } between && !IsReadElsewhere(x, reader); reader = between) x = between.Operands[0]!;
        if (x.Producer is not { Kind: OpKind.Linear or OpKind.LayerNorm } maker || op.Axis == x.Axes.Count - 1 || IsReadElsewhere(x, reader)) return;
        var all = scope.Facts.Normalise(x.Axes[op.Axis]);
        var unused = op.Kind == OpKind.Select ? all - 1 : scope.Facts.Normalise(all - op.Result.Axes[op.Axis]);
        if (unused.Number is <= 0 || unused.Number is null && op.Kind != OpKind.Select) return;
        (string Of, string Unused) Numbers()
        {
            foreach (var variant in scope.Unit.Variants)
                if (Number(scope, variant, all) is { } n && Number(scope, variant, unused) is { } m) return (Text(n), Text(m));
            return (scope.Facts.Show(all), scope.Facts.Show(unused));
        }
        var ((of, rows), one) = (Numbers(), unused.Number == 1);
        report(new("SEM0702", $"{rows} {(one ? "row" : "rows")} of `{maker.Text}.Forward` never {(one ? "reaches" : "reach")} the result; {rows} of {of} rows {(one ? "is" : "are")} not computed", op.Source));
    }

    private static void Capture(ModuleScope scope, CheckedGraph graph, Action<Finding> report)
    {
        scope.Contracts.TryGetValue(scope.Unit.FullName, out var own);
        foreach (var call in Rewriting.All(graph.Body).Where(o => o.Kind == OpKind.Call))
        {
            if ((call.Callee ?? own)?.Graphs.FirstOrDefault(g => g.Name == call.Method)?.Summary is not { } summary) continue;
            var name = $"{(call.Callee ?? own)!.Name}.{call.Method}";
            if (call.Callee is { IsExternal: true } && !summary.IsCaptureSafe)
                report(new("SEM0501", $"{graph.Unit.Name} asks for capture, but `{name}` is not known to be capture-safe (its assembly publishes no [GraphSummary] that says so)", call.Source));
            else if (summary.Hazard.Length > 0)
                report(new("SEM0501", $"{graph.Unit.Name} asks for capture, but `{name}` calls `{summary.Hazard}`, which is not known to be capture-safe (its assembly publishes no [GraphSummary] that says so)", call.Source));
            else if (summary.DrawsOnDevice)
                report(new("SEM0502", $"{graph.Unit.Name} is captured with `{name}`, which draws on the device: a resumed run cannot repeat it; use DropPath or draws", call.Source));
        }
        if (graph.Bound.Count == 0 || graph.Bound.Contains("...")) return;
        var batch = graph.Bound[0];
        var others = new HashSet<string>(graph.Bound.Skip(1));
        var elements = graph.Body.Parameters.Where(p => p.Type != ElementType.Mask).Aggregate(Dim.Zero, (sum, p) => sum + p.Axes.Aggregate(Dim.One, (a, b) => a * scope.Facts.Widest(b)));
        if (elements.Symbols.Any(others.Contains)) return;
        foreach (var variant in scope.Unit.Variants)
            if (Number(scope, variant, scope.Facts.Normalise(elements.Substitute(s => s == batch ? CaptureBatch : null))) is { } n && n * BytesOfFloat > LargestCaptureBytes)
            {
                report(new("SEM0503", $"capture of {graph.Unit.Name} keeps {Text(n * BytesOfFloat / 1_000_000)} MB of static input buffers for {batch} = {Text(CaptureBatch)} ({variant.Name})", graph.Unit.Id));
                return;
            }
    }

    // how many weights the products of a published configuration read in bfloat16
    private static void Precision(ModuleScope scope, CheckedGraph graph, Func<CheckedGraph, string> casts, Action<Finding> report)
    {
        if (scope.Unit.Variants.Count == 0 || graph.Unit.Accessibility != "public") return;
        var variant = scope.Unit.Variants[0];
        var read = new HashSet<string>(Manifest.Reads(scope, graph));
        long tensors = 0;
        foreach (var entry in Manifest.Of(scope).Where(e => e.IsProductOnly && read.Contains(e.Key)))
        {
            long copies = 1;
            for (var open = entry.Key.IndexOf("{0..", StringComparison.Ordinal); open >= 0; open = entry.Key.IndexOf("{0..", open + 1, StringComparison.Ordinal))
                if (VariantNumbers.Evaluate(scope.Unit, variant, entry.Key.Substring(open + 4, entry.Key.IndexOf('}', open) - open - 4)) is { } n) copies *= n;
                else return;
            tensors += copies;
        }
        if (tensors > 0) report(new("SEM0402", $"precision plan of {graph.Unit.Name} ({variant.Name}): {Text(tensors)} weight tensors are read from the bf16 shadow; statistics, softmax and sums stay float32{casts(graph)}", graph.Unit.Id));
    }

    private static string Text(long n) => n.ToString(CultureInfo.InvariantCulture);

    private static long? Number(ModuleScope scope, Variant variant, Dim size)
    {
        foreach (var point in AdmissibleSizes.VariantsOf(scope))
            if (point.Text == variant.Name) return point.Of(scope.Facts, size);
        return null;
    }
}

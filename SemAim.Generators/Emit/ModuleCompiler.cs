using System;
using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Check;
using SemAim.Generators.Collections;
using SemAim.Generators.Diagnostics;
using SemAim.Generators.Ir;
using SemAim.Generators.Link;
using SemAim.Generators.Passes;

namespace SemAim.Generators.Emit;

/// <summary>What a module compiles to.</summary>
/// <param name="HintName">name of the generated file</param>
/// <param name="Text">the file, or null where no second part makes sense</param>
/// <param name="Unit">what was compiled</param>
public sealed record CompiledUnit(string HintName, string? Text, ModuleUnit Unit)
{
    /// <summary>The file with what is published of the module's costs.</summary>
    public string? Publish(EquatableArray<ModuleContract> priced) => Text is null ? null : PublishedEmitter.Fill(Text, Unit, priced.FirstOrDefault(c => c.FullName == Unit.FullName));
}

/// <summary>A module as its author sees it: checked, not yet changed by any pass.</summary>
/// <param name="Scope">its sizes, facts and layers</param>
/// <param name="Graphs">those that were found right</param>
/// <param name="Findings">what was found wrong, and remarks</param>
/// <param name="Unread">places of graphs that are not among the right ones</param>
public sealed record CheckedUnit(ModuleScope Scope, IReadOnlyDictionary<string, CheckedGraph> Graphs, IReadOnlyList<Finding> Findings, IReadOnlyList<int> Unread)
{
    /// <summary>The first error, or null.</summary>
    public Finding? Error => Findings.FirstOrDefault(f => Descriptors.IsError(f.Id));
}

/// <summary>Checks and compiles one linked module.</summary>
public static class ModuleCompiler
{
    /// <summary>Findings of the declarations and of every graph.</summary>
    public static CheckedUnit Check(LinkedUnit linked) => Check(linked, GraphChecker.Check, remarks: true);

    private static CheckedUnit Check(LinkedUnit linked, Func<ModuleScope, GraphUnit, Action<Finding>, CheckedGraph?> read, bool remarks)
    {
        var unit = linked.Unit;
        var findings = new List<Finding>(unit.Findings);
        GraphUnit? current = null;
        var first = 0;                                               // what graphs say stands behind what declarations say
        void Report(Finding finding)
        {
            // one mistake, one error: a private graph is read against the arguments of each call, and once in its own words
            if (current is not null && findings.FindIndex(first, f => f.Id == finding.Id && f.At == finding.At && f.Start == finding.Start && f.Length == finding.Length) is >= 0 and var same)
            {
                if (current.Inlined) findings[same] = finding;
                return;
            }
            if (!findings.Any(f => f.Id == finding.Id && f.At == finding.At && f.Start == finding.Start && f.Message == finding.Message)) findings.Add(finding);
        }
        var scope = new ModuleScope(unit, linked.Contracts.ToDictionary(c => c.FullName), Report);
        var graphs = new Dictionary<string, CheckedGraph>();
        first = findings.Count;
        foreach (var graph in unit.Graphs)
            if (read(scope, current = graph, Report) is { } right)
            {
                graphs[graph.Name] = right;
                if (graph.Cuts) CutChecker.Check(scope, right, Report);
                var draws = !graph.Inlined && scope.Contracts.TryGetValue(unit.FullName, out var own) && own.Graphs.Any(g => g.Name == graph.Name && g.Summary.IsStochastic);
                foreach (var p in graph.Parameters.Where(p => p.Name == "draws" && draws || p.Name == "cutter" && graph.Cuts))
                    Report(new("SEM0020", $"parameter `{p.Name}` of graph `{graph.Name}` has the name of one that the compiled overload adds; give it another", p.Id));
            }
        current = null;
        VariantChecker.Check(scope, Report);
        if (linked.Cycle.Count > 0)
            Report(new("SEM0302", $"module cycle: {string.Join(" → ", linked.Cycle.Select(m => m.Substring(m.LastIndexOf('.') + 1)))}", unit.Layers.First(l => l.Type == linked.Cycle[0]).Id));
        if (remarks && !findings.Any(f => Descriptors.IsError(f.Id)))
        {
            // what could not be read may use a layer
            if (graphs.Count == unit.Graphs.Count) UnusedLayers.Check(unit, Report);
            foreach (var graph in graphs.Values.Where(g => !g.Unit.Inlined)) QualityChecker.Check(scope, graph, g => CastList.Of(scope, g), new RecognizeAttention(scope.Facts).Maps, Report);
        }
        if (scope.HasUnreadFact) findings.RemoveAll(LacksFact);
        return new(scope, graphs, findings, [.. unit.Graphs.Where(g => !graphs.ContainsKey(g.Name)).Select(g => g.Id)]);
    }

    // one mistake, one error: what is not proven may follow from a fact that is misspelt
    private static bool LacksFact(Finding finding) => finding.Id is "SEM0120" or "SEM0121" or "SEM0210" || finding.Id == "SEM0111" && finding.Fix.Length > 0;

    /// <summary>The generated part.</summary>
    /// <param name="linked">the module</param>
    public static CompiledUnit Compile(LinkedUnit linked)
    {
        var options = linked.Options ?? CompilerOptions.Default;
        var unit = linked.Unit;
        var hint = $"{unit.FullName}{(linked.Twins > 0 ? "." + (linked.Twins + 1).ToString(System.Globalization.CultureInfo.InvariantCulture) : "")}.g.cs";
        if (!unit.IsEmittable) return new(hint, null, unit);
        var read = Check(linked, GraphChecker.AsWritten, remarks: false);
        var scope = read.Scope;
        // private graphs that are not inlined are written like any other
        if (options.WithoutPass == nameof(InlinePrivateGraphs)) unit = unit with { Graphs = unit.Graphs.Select(g => g with { Inlined = g.Inlined && !PassPipeline.IsMethod(g) }).ToEquatable() };
        var graphs = read.Error is null ? read.Graphs : new Dictionary<string, CheckedGraph>();
        var failure = read.Error is { } error ? $"{error.Id}: {error.Message}" : "";
        var journals = new Dictionary<string, PassJournal>();
        foreach (var graph in graphs.Values) PassPipeline.Run(graph, scope, options.WithoutPass, journal: journals[graph.Unit.Name] = new());
        // a graph that draws has a second body; it is read again, because passes work in place
        var evaluation = new Dictionary<string, CheckedGraph>();
        if (read.Error is null && options.WithoutPass != nameof(SplitTrainEval))
            foreach (var graph in unit.Graphs.Where(g => !g.Inlined && scope.Contracts.TryGetValue(unit.FullName, out var own) && own.Graphs.First(c => c.Name == g.Name).Summary.IsStochastic))
                if (GraphChecker.AsWritten(scope, graph, _ => { }) is { } again)
                {
                    PassPipeline.Run(again, scope, options.WithoutPass, training: false);
                    evaluation[graph.Name] = again;
                }
        if (!ReferenceEquals(unit, linked.Unit)) scope = new(unit, scope.Contracts, _ => { });
        return new(hint, ModuleEmitter.Write(scope, graphs, evaluation, journals, failure, options, linked.SharedCaptures), unit);
    }
}

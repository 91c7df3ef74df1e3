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
/// <param name="Findings">what was found wrong</param>
/// <param name="Unit">what was compiled</param>
/// <param name="Unread">places of graphs that were not compiled, though nothing was reported here: something they use is wrong</param>
public sealed record CompiledUnit(string HintName, string? Text, EquatableArray<Finding> Findings, ModuleUnit Unit, EquatableArray<int> Unread = default)
{
    /// <summary>The file with what is published of the module's costs.</summary>
    public string? Publish(EquatableArray<ModuleContract> priced) => Text is null ? null : PublishedEmitter.Fill(Text, Unit, priced.FirstOrDefault(c => c.FullName == Unit.FullName));
}

/// <summary>Checks and compiles one linked module.</summary>
public static class ModuleCompiler
{
    /// <summary>Findings of the declarations and of every graph, and the generated part.</summary>
    /// <param name="linked">the module</param>
    public static CompiledUnit Compile(LinkedUnit linked)
    {
        var options = linked.Options ?? CompilerOptions.Default;
        var unit = linked.Unit;
        var findings = new List<Finding>(unit.Findings);
        void Report(Finding finding)
        {
            if (!findings.Any(f => f.Id == finding.Id && f.At == finding.At && f.Start == finding.Start && f.Message == finding.Message)) findings.Add(finding);
        }
        var contracts = linked.Contracts.ToDictionary(c => c.FullName);
        var scope = new ModuleScope(unit, contracts, Report);
        var graphs = new Dictionary<string, CheckedGraph>();
        foreach (var graph in unit.Graphs)
            if (GraphChecker.Check(scope, graph, Report) is { } right) graphs[graph.Name] = right;
        VariantChecker.Check(scope, Report);
        if (linked.Cycle.Count > 0)
            Report(new("SEM0302", $"module cycle: {string.Join(" → ", linked.Cycle.Select(m => m.Substring(m.LastIndexOf('.') + 1)))}", unit.Layers.First(l => l.Type == linked.Cycle[0]).Id));
        if (!findings.Any(f => Descriptors.IsError(f.Id)))
        {
            UnusedLayers.Check(unit, Report);
            foreach (var graph in graphs.Values.Where(g => !g.Unit.Inlined)) QualityChecker.Check(scope, graph, Report);
        }
        var failure = findings.FirstOrDefault(f => Descriptors.IsError(f.Id)) is { } error ? $"{error.Id}: {error.Message}" : "";
        var broken = failure.Length > 0;
        if (!unit.IsEmittable) return new(unit.FullName + ".g.cs", null, findings.ToEquatable(), unit);
        var journals = new Dictionary<string, PassJournal>();
        if (!broken)
            foreach (var graph in graphs.Values) PassPipeline.Run(graph, scope, options.WithoutPass, journal: journals[graph.Unit.Name] = new());
        // a graph that draws has a second body; it is read again, because passes work in place
        var evaluation = new Dictionary<string, CheckedGraph>();
        if (!broken && options.WithoutPass != nameof(SplitTrainEval))
            foreach (var graph in unit.Graphs.Where(g => !g.Inlined && contracts.TryGetValue(unit.FullName, out var own) && own.Graphs.First(c => c.Name == g.Name).Summary.IsStochastic))
                if (GraphChecker.Check(scope, graph, _ => { }) is { } again)
                {
                    PassPipeline.Run(again, scope, options.WithoutPass, training: false);
                    evaluation[graph.Name] = again;
                }
        return new(unit.FullName + ".g.cs", ModuleEmitter.Write(scope, broken ? new Dictionary<string, CheckedGraph>() : graphs, evaluation, journals, failure, options, linked.SharedCaptures), findings.ToEquatable(), unit, unit.Graphs.Where(g => !graphs.ContainsKey(g.Name)).Select(g => g.Id).ToEquatable());
    }
}

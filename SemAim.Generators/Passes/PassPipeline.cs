using System;
using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Check;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Passes;

/// <summary>The passes in their order.</summary>
public static class PassPipeline
{
    /// <summary>Names of the passes, each once.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        nameof(InlinePrivateGraphs), nameof(SplitTrainEval), nameof(CanonicalizePatterns), nameof(RecognizeAttention), nameof(CommonSubexpressions), nameof(PushSlices), nameof(DeadCode), nameof(LowerOrderMasks), nameof(SinkBroadcasts),
        nameof(PlanPrecision), nameof(HoistInvariants), nameof(FuseGelu), nameof(NarrowNorms), nameof(UnbindParts), nameof(InsertCuts), nameof(ScheduleAndDispose),
    ];

    /// <summary>True for a private graph that can be a method: one that takes no value would have the signature of its specification.</summary>
    internal static bool IsMethod(GraphUnit graph) => graph.Parameters.Any(p => p.Kind != ParameterKind.Host);

    /// <summary>Runs all passes but <paramref name="without"/>; with any one left out the numbers stay the same.</summary>
    /// <param name="graph">changed in place</param>
    /// <param name="scope">its module</param>
    /// <param name="without">a pass to leave out</param>
    /// <param name="training">the training body, or that for evaluation</param>
    /// <param name="journal">is told what each pass changed</param>
    /// <param name="after">is called after each pass with its name</param>
    public static void Run(CheckedGraph graph, ModuleScope scope, string? without = null, bool training = true, PassJournal? journal = null, Action<string>? after = null)
    {
        IEnumerable<IPass> passes =
        [
            new InlinePrivateGraphs(),
            new SplitTrainEval(training),
            new CanonicalizePatterns(scope.Facts),
            new RecognizeAttention(scope.Facts),
            new CommonSubexpressions(scope.Facts),
            new PushSlices(scope.Facts),
            new DeadCode(),
            new LowerOrderMasks(scope.Facts),
            new SinkBroadcasts(scope.Facts),
            new PlanPrecision(),
            new HoistInvariants(),
            new CommonSubexpressions(scope.Facts),
            new DeadCode(),
            new FuseGelu(),
            new NarrowNorms(scope),
            new UnbindParts(scope.Facts),
            new InsertCuts(scope),
            new ScheduleAndDispose(),
        ];
        if (without == nameof(InlinePrivateGraphs)) InlinePrivateGraphs.LeaveCalls(graph, [.. scope.Unit.Graphs.Where(IsMethod).Select(g => g.Name)]);
        var before = journal is null ? null : PassJournal.Read(graph, scope);
        foreach (var pass in passes.Where(p => p.Name != without))
        {
            pass.Run(graph);
            after?.Invoke(pass.Name);
            if (journal is null) continue;
            var now = PassJournal.Read(graph, scope);
            journal.Note(pass.Name, before!, now);
            before = now;
        }
    }
}

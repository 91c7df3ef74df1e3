using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Check;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Passes;

/// <summary>The passes in their order.</summary>
public static class PassPipeline
{
    /// <summary>Runs all passes but <paramref name="without"/>; with any one left out the numbers stay the same.</summary>
    public static void Run(CheckedGraph graph, ModuleScope scope, string? without = null)
    {
        IEnumerable<IPass> passes =
        [
            new CanonicalizePatterns(scope.Facts),
            new CommonSubexpressions(scope.Facts),
            new DeadCode(),
            new LowerOrderMasks(scope.Facts),
            new PlanPrecision(),
            new CommonSubexpressions(scope.Facts),
            new DeadCode(),
            new FuseGelu(),
        ];
        foreach (var pass in passes.Where(p => p.Name != without)) pass.Run(graph);
    }
}

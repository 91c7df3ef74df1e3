using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Passes;

/// <summary>
/// Says of every operation which values it is the last to read, so that their handles go there, on the same line. A view keeps its memory by itself: its base may
/// go first; so may what the gradients need, which autograd holds. Left out, handles stay until the caller's scope ends.
/// </summary>
public sealed class ScheduleAndDispose : IPass
{
    /// <inheritdoc />
    public string Name => nameof(ScheduleAndDispose);

    /// <inheritdoc />
    public void Run(CheckedGraph graph) => Run(graph.Body, []);                    // what comes in stays the caller's

    private static void Run(Region region, IReadOnlyList<Value> entering)
    {
        var last = new Dictionary<Value, Op>();
        foreach (var op in region.Ops)
            foreach (var v in Rewriting.Reads(op)) last[v] = op;
        var leaving = new HashSet<Value>(region.Results);
        var owned = new HashSet<Value>(entering);
        region.Unread = [.. entering.Where(p => !last.ContainsKey(p) && !leaving.Contains(p))];
        foreach (var op in region.Ops)
        {
            op.Dying = [.. Rewriting.Reads(op).Distinct().Where(v => owned.Contains(v) && last[v] == op && !leaving.Contains(v))];
            owned.ExceptWith(op.Dying);
            // a loop carries its values around as its own; a branch has none
            if (op.Body is not null) Run(op.Body, op.Kind == OpKind.Repeat ? op.Body.Parameters : []);
            if (op.Otherwise is not null) Run(op.Otherwise, []);
            if (op.IsHandle) continue;
            op.Unread = [.. op.Results.Where(r => !last.ContainsKey(r) && !leaving.Contains(r))];
            owned.UnionWith(op.Results);
        }
    }
}

using System.ComponentModel;
using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace SemAim.Dsl;

/// <summary>
/// Runs a backward pass in segments, last blocks first, so that what their gradients are needed for may begin while those of the first blocks are computed. Passed to a graph marked <c>[Graph(Cuts = true)]</c>, whose forward
/// pass cuts the graph of gradients before every block but the first: k cuts make the levels 0 … k, and <see cref="ManifestEntry.Level"/> says when a weight's gradient is complete. Gradients are bit by bit those of one whole backward pass.
/// </summary>
/// <remarks>
/// Armed for one forward pass at a time, the last micro-batch of a step; not armed, or where no gradients are recorded, it does nothing. Its handles are freed by <see cref="Backward"/>, by arming it again and by <see cref="Dispose"/>.
/// </remarks>
public sealed class BackwardCutter : IDisposable
{
    private readonly List<List<(Tensor Outer, Tensor Inner)>> cuts = [];
    private bool armed;

    /// <summary>Cuts the next forward pass; what an earlier one left is forgotten.</summary>
    public void Arm()
    {
        Forget();
        armed = true;
    }

    /// <summary>Cuts of the forward pass so far; the levels are 0 … this number.</summary>
    public int Cuts => cuts.Count;

    /// <summary>The backward pass of a loss; not armed, it is <c>loss.backward()</c> alone.</summary>
    /// <param name="loss">a scalar that the armed forward pass leads to; stays the caller's</param>
    /// <param name="levelDone">called on this thread for the highest level first, when the gradients of that level's weights are complete</param>
    /// <exception cref="InvalidOperationException">a value that crosses a cut was left out of it and shares what another one comes from; the gradients are not those of the loss</exception>
    public void Backward(Tensor loss, Action<int>? levelDone = null)
    {
        if (!armed)
        {
            loss.backward();
            return;
        }
        armed = false;
        try
        {
            Run(cuts.Count, () => loss.backward());
            levelDone?.Invoke(cuts.Count);
            for (var level = cuts.Count - 1; level >= 0; level--)
            {
                Segment(level);
                levelDone?.Invoke(level);
            }
        }
        finally
        {
            Forget();
        }
    }

    private void Segment(int level)
    {
        var (outers, gradients) = (new List<Tensor>(), new List<Tensor>());
        foreach (var (outer, inner) in cuts[level])
        {
            if (inner.grad is not { } gradient) continue;            // nothing above the cut reads it
            inner.grad = null;                                       // the list holds the only reference
            outers.Add(outer);
            gradients.Add(gradient);
        }
        try
        {
            if (outers.Count > 0) Run(level, () => torch.autograd.backward(outers, gradients));
        }
        finally
        {
            foreach (var gradient in gradients) gradient.Dispose();
            Free(cuts[level]);                                       // what this segment kept goes before the next one begins
        }
    }

    private static void Run(int level, Action backward)
    {
        try
        {
            backward();
        }
        catch (System.Runtime.InteropServices.ExternalException e) when (e.Message.Contains("second time", StringComparison.Ordinal))
        {
            throw new InvalidOperationException($"the backward pass of level {level} ran into a part of the graph that another level has used up: a value that crosses a cut was not cut there", e);
        }
    }

    /// <summary>For generated code: replaces each value by one that gradients do not pass, if this forward pass is cut and the value needs a gradient. What was passed becomes the cutter's; what comes back is the caller's.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public void Cut(ref Tensor a)
    {
        if (Begin()) Replace(ref a);
    }

    /// <inheritdoc cref="Cut(ref Tensor)" />
    [EditorBrowsable(EditorBrowsableState.Never)]
    public void Cut(ref Tensor a, ref Tensor b)
    {
        if (!Begin()) return;
        Replace(ref a);
        Replace(ref b);
    }

    /// <inheritdoc cref="Cut(ref Tensor)" />
    [EditorBrowsable(EditorBrowsableState.Never)]
    public void Cut(ref Tensor a, ref Tensor b, ref Tensor c)
    {
        if (!Begin()) return;
        Replace(ref a);
        Replace(ref b);
        Replace(ref c);
    }

    /// <summary>For generated code: one more value that crosses the cut just made.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public void Also(ref Tensor a)
    {
        if (IsCutting) Replace(ref a);
    }

    private bool IsCutting => armed && torch.is_grad_enabled();

    // a cut counts even where nothing needs a gradient: the levels keep their numbers
    private bool Begin()
    {
        if (!IsCutting) return false;
        cuts.Add([]);
        return true;
    }

    private void Replace(ref Tensor tensor)
    {
        if (!tensor.requires_grad) return;
        using var scope = torch.NewDisposeScope();
        var inner = tensor.detach().requires_grad_();
        // two handles of one tensor: the caller disposes his at its last use, the gradient is read from ours afterwards
        var mine = inner.to(inner.dtype);
        cuts[^1].Add((tensor.DetachFromDisposeScope(), mine.DetachFromDisposeScope()));
        tensor = inner.MoveToOuterDisposeScope();
    }

    private void Forget()
    {
        armed = false;
        foreach (var cut in cuts) Free(cut);
        cuts.Clear();
    }

    private static void Free(List<(Tensor Outer, Tensor Inner)> cut)
    {
        foreach (var (outer, inner) in cut)
        {
            outer.Dispose();
            inner.Dispose();
        }
        cut.Clear();
    }

    /// <summary>Frees what a forward pass left that no backward pass followed.</summary>
    public void Dispose() => Forget();
}

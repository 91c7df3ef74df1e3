using SemAim.Runtime;
using SemAim.Runtime.Capture;
using SemAim.Runtime.Data;
using SemAim.Runtime.Native;
using SemAim.Runtime.Optim;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>
/// An optimiser step of pretraining on memory that stays: micro-batches (forward, loss, backward, gradients collected), then the update. Whatever changes between steps is a
/// tensor, and nothing is read back, so that a device with graphs can capture both parts; elsewhere they are plain calls.
/// </summary>
internal sealed class PretrainStep : IDisposable
{
    /// <summary>Steps that run plainly before a capture, in which libraries make their workspaces.</summary>
    internal const int WarmUps = 3;

    private readonly PretrainPass pass;
    private readonly ParameterArena arena;
    private readonly ArenaAdamW optimizer;
    private readonly ExponentialMovingAverage? average;
    private readonly ICaptureBackend backend;
    private readonly Func<Tensor> images;
    private readonly Tensor noise, zero, one, parts;
    private readonly Tensor? draws;
    private readonly int accumulation, rows;
    private ICapturedStep? micro, update;
    private int steps;

    /// <param name="pass">of a micro-batch</param>
    /// <param name="arena">the weights</param>
    /// <param name="optimizer">of that arena</param>
    /// <param name="average">kept beside the weights; null: none is</param>
    /// <param name="images">normalised pictures of the micro-batch, fresh, made from memory that stays</param>
    /// <param name="rows">pictures a micro-batch</param>
    /// <param name="accumulation">micro-batches a step</param>
    /// <param name="backend">captures, or calls</param>
    internal PretrainStep(PretrainPass pass, ParameterArena arena, ArenaAdamW optimizer, ExponentialMovingAverage? average, Func<Tensor> images, int rows, int accumulation, ICaptureBackend backend)
    {
        (this.pass, this.arena, this.optimizer, this.average, this.images, this.rows, this.accumulation, this.backend) = (pass, arena, optimizer, average, images, rows, accumulation, backend);
        var device = arena.Weights.device;
        using var scope = NewDisposeScope();
        Tensor Cell() => zeros(Array.Empty<long>(), device: device).DetachFromDisposeScope();
        (Loss, Flaw, zero) = (Cell(), Cell(), Cell());
        one = ones(Array.Empty<long>(), device: device).DetachFromDisposeScope();
        parts = tensor((float)accumulation, device: device).DetachFromDisposeScope();
        noise = zeros(rows, pass.Order.NoiseColumns(pass.Model.PatchGrid), device: device).DetachFromDisposeScope();
        draws = pass.Model.DrawsAPass == 0 ? null : zeros(pass.Model.DrawsAPass, rows, device: device).DetachFromDisposeScope();
    }

    /// <summary>Sum of the losses of the step's micro-batches, 0-d; changes with the next step.</summary>
    internal Tensor Loss { get; }

    /// <summary>0, or NaN where a map of this step that the order is made from was not finite; 0-d.</summary>
    internal Tensor Flaw { get; }

    /// <summary>Called after guidance, forward and backward of plain calls; for measurements.</summary>
    internal Action? Phase { get; init; }

    /// <summary>True once both parts are replayed.</summary>
    internal bool IsCaptured => micro is not null;

    /// <summary>The start of a step.</summary>
    internal void Begin()
    {
        using var guard = no_grad();
        Loss.zero_().Dispose();                                // zero_ makes a new wrapper
        Flaw.zero_().Dispose();
    }

    /// <summary>A micro-batch whose pictures are in place.</summary>
    /// <param name="seed">of the run</param>
    /// <param name="step">optimiser step; with the row it addresses every random number</param>
    /// <param name="index">of the micro-batch in its step</param>
    internal void Micro(ulong seed, long step, int index)
    {
        using (no_grad())
        using (NewDisposeScope())
        {
            noise.copy_(KeyedUniform.Fill(seed, step, (long)index * rows, rows, (int)noise.size(1), noise.device));
            draws?.copy_(KeyedUniform.Fill(seed, step, (long)index * rows, rows, (int)draws.size(0), draws.device, RngStream.DropPath).t());
        }
        if (micro is null && backend.IsGraph && steps >= WarmUps) micro = Captured(Accumulate, joinPool: false);
        if (micro is null) Accumulate();
        else micro.Replay();
    }

    /// <summary>The update after the last micro-batch.</summary>
    /// <param name="rate">learning rate</param>
    /// <param name="decay">what the average keeps of itself; not read where there is none</param>
    internal void Update(double rate, double decay)
    {
        foreach (var group in arena.Groups) optimizer.SetLearningRate(group, rate);
        average?.SetDecay(decay);
        if (update is null && micro is not null) update = Captured(Apply, joinPool: true);
        if (update is null) Apply();
        else update.Replay();
        steps++;
    }

    private ICapturedStep Captured(Action body, bool joinPool)
    {
        try { return backend.Capture(body, joinPool); }
        catch (InvalidOperationException e) { throw new RefusedException($"--cuda_graph on: {e.Message}", e); }
    }

    private void Accumulate()
    {
        using var scope = NewDisposeScope();
        var made = pass.Run(images(), noise, draws, Phase);
        var loss = made.Loss;
        // A loss that is not finite may have finite gradients, and a map that is not finite orders nothing: either makes the gradients NaN, so the update is skipped and the
        // step recorded, and no value is read back to find out.
        var flaw = loss.detach() * zero;                                                                     // 0, or NaN
        if (made.Map is { } map)
        {
            var ofMap = map.sum() * zero;
            Flaw.add_(ofMap, Number.One);
            flaw = flaw.add(ofMap, Number.One);
        }
        loss *= flaw.add(one, Number.One);
        Phase?.Invoke();
        using (SignalShield.Raise()) (accumulation == 1 ? loss : loss / parts).backward();                   // the library's convolutions take the same products
        arena.CollectGradients();
        using (no_grad()) Loss.add_(loss.detach(), Number.One);
        Phase?.Invoke();
    }

    private void Apply()
    {
        optimizer.Step();
        arena.ZeroGradients();
        average?.Update(optimizer.LastSkipped);
    }

    public void Dispose()
    {
        micro?.Dispose();
        update?.Dispose();
        Loss.Dispose();
        Flaw.Dispose();
        zero.Dispose();
        one.Dispose();
        parts.Dispose();
        noise.Dispose();
        draws?.Dispose();
    }
}

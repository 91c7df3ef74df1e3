namespace SemAim.Runtime.Optim;

/// <summary>Linear warm-up from 0, then a half cosine down to the least rate (behaviour.md 5.1). The first step of a run has rate 0, as in the original.</summary>
/// <param name="Rate">the highest rate</param>
/// <param name="Least">rate at the end</param>
/// <param name="WarmupEpochs">epochs until the highest rate</param>
/// <param name="Epochs">epochs of the run</param>
public sealed record LearningRateSchedule(double Rate, double Least, double WarmupEpochs, double Epochs)
{
    /// <summary>The rate at a fractional epoch.</summary>
    public double At(double epoch)
        => epoch < WarmupEpochs ? Rate * epoch / WarmupEpochs
            : Least + (Rate - Least) * 0.5 * (1 + Math.Cos(Math.PI * (epoch - WarmupEpochs) / (Epochs - WarmupEpochs)));

    /// <summary>The base rate for an effective batch: <c>blr · batch / 256</c>.</summary>
    public static double Scale(double baseRate, int effectiveBatch) => baseRate * effectiveBatch / 256;
}

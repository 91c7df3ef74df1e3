using SemAim.Runtime.Optim;

namespace SemAim.Runtime.Tests.Optim;

/// <summary>The schedule of behaviour.md 5.1 with its samples.</summary>
public sealed class ScheduleTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.5, 2.66667e-5)]
    [InlineData(15, 8e-4)]
    [InlineData(30, 1.6e-3)]
    [InlineData(100, 1.5675944e-3)]
    [InlineData(415, 8e-4)]
    [InlineData(799, 6.6585e-9)]
    public void The_pretraining_rate_is_the_originals(double epoch, double rate)
        => Assert.Equal(rate, new LearningRateSchedule(1.6e-3, 0, 30, 800).At(epoch), 1e-9);

    [Fact]
    public void A_base_rate_is_for_256_pictures() => Assert.Equal(1.6e-3, LearningRateSchedule.Scale(2e-4, 2048), 1e-12);
}

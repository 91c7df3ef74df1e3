using SemAim.App.Training;
using SemAim.App.Verbs;
using Spectre.Console;

namespace SemAim.App.Tests;

/// <summary>What a person sees in a terminal.</summary>
public sealed class TerminalTests
{
    [Theory]
    [InlineData(40, 1)]
    [InlineData(50, 2)]
    [InlineData(60, 3)]
    [InlineData(80, 4)]
    [InlineData(120, 4)]
    public void A_narrow_window_drops_the_bar_first_and_the_words_never(int width, int columns)
    {
        var shown = Narrator.Columns(width);
        Assert.Equal(columns, shown.Length);
        Assert.IsType<TaskDescriptionColumn>(shown[0]);
        var bar = shown.OfType<ProgressBarColumn>().Sum(b => b.Width ?? 0);
        Assert.InRange(42 + 15 * (columns > 2 ? 1 : 0) + bar, 0, Math.Max(width, 42));
    }

    [Fact]
    public void A_remedy_stands_below_what_it_cures_and_states_begin_in_one_column()
    {
        string[] lines = [.. DoctorVerb.Lines([new("libtorch", "here", IsNeeded: true), new("MPI", "none", "install it"), new("JPEG", "gone", "restore it", IsNeeded: true)])];
        Assert.Equal(["ok  libtorch  here", " -  MPI       none", "              → install it", "!!  JPEG      gone", "              → restore it"], lines);
    }

    [Fact]
    public void Progress_into_a_pipe_is_plain_whole_lines()
    {
        var (code, output, errors) = Semaim.Run("doctor");
        Assert.True(code == 0, errors);
        Assert.DoesNotContain('\u001b', output + errors);
        Assert.Contains("redirected", output);
    }
}

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
    public void In_a_terminal_long_remedies_go_on_below_their_beginning()
    {
        string[] lines = [.. DoctorVerb.Lines([new("MPI", "none", string.Join(' ', Enumerable.Repeat("install", 30)))], 80)];
        Assert.Equal(5, lines.Length);
        Assert.All(lines, l => Assert.InRange(l.Length, 1, 80));
        Assert.StartsWith("         → install", lines[1], StringComparison.Ordinal);
        Assert.All(lines[2..], l => Assert.StartsWith("           install", l, StringComparison.Ordinal));
        Assert.Equal(30, lines.Sum(l => l.Split("install").Length - 1));
    }

    [Fact]
    public void A_folder_that_cannot_be_written_is_found_with_what_to_do_about_it()
    {
        var file = Path.GetTempFileName();
        try
        {
            var broken = DoctorVerb.Folder("data index", Path.Combine(file, "below"), "name another");
            Assert.Equal("name another", broken.Remedy);
            Assert.StartsWith($"{Path.Combine(file, "below")} cannot be written: ", broken.State, StringComparison.Ordinal);
        }
        finally { File.Delete(file); }
        Assert.Equal(("none", "name another"), (DoctorVerb.Folder("data index", null, "name another").State, DoctorVerb.Folder("data index", null, "name another").Remedy));
        Assert.Equal("", DoctorVerb.Folder("temporary files", Path.GetTempPath(), "name another").Remedy);
    }

    [Fact]
    public void A_libtorch_that_is_not_there_is_the_one_thing_that_doctor_says_with_its_cure()
    {
        var (code, output, errors) = Semaim.RunWith("SEMAIM_LIBTORCH", "/nowhere", "doctor");

        Assert.Equal((1, ""), (code, errors));
        Assert.StartsWith("!!  libtorch  ", output, StringComparison.Ordinal);
        Assert.Contains("→ unset SEMAIM_LIBTORCH", output);
        Assert.Equal(2, output.TrimEnd().Split('\n').Length);
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

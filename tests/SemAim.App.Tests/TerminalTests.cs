using SemAim.App.Report;
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
    public void A_disk_without_room_for_checkpoints_is_found_with_what_to_do_about_it()
    {
        Assert.Equal("", DoctorVerb.Results(Path.GetTempPath(), 7_000_000_000).Remedy);
        var full = DoctorVerb.Results(Path.GetTempPath(), 300_000_000);
        Assert.EndsWith(", 0.3 GB free", full.State, StringComparison.Ordinal);
        Assert.Contains("6.3 GB of checkpoints there (--keep 1: 4.2)", full.Remedy);
        Assert.Contains("--output_dir", full.Remedy);
        Assert.StartsWith("/proc cannot be written: ", DoctorVerb.Results("/proc").State, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(40)]                                           // paragraphs
    [InlineData(80)]
    [InlineData(120)]
    public void Tables_of_every_model_fit_the_window_with_every_name_whole(int width)
    {
        foreach (var name in ModelCard.Names)
        {
            var card = ModelCard.Named(name);
            using var text = new StringWriter();
            var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Out = new AnsiConsoleOutput(text) });
            console.Profile.Width = width;

            ModelShowVerb.Tables(console, card);

            var lines = text.ToString().Split('\n');
            Assert.All(lines, l => Assert.True(l.TrimEnd().Length <= width, $"{name}: {l}"));
            Assert.DoesNotContain("…", text.ToString(), StringComparison.Ordinal);
            foreach (var f in card.Folded())
            {
                Assert.Contains(lines, l => l.Trim() == f.Name || l.StartsWith($" {f.Name} ", StringComparison.Ordinal));
                Assert.Contains(ModelSection.N(f.Values), text.ToString(), StringComparison.Ordinal);
            }
            if (width < 80) continue;
            Assert.Equal(["Parameters", "Picture", "Forward", "Training step"], lines.Take(4).Select(l => l[..14].TrimEnd()));
            Assert.Equal("", lines[4]);                        // none of the four went on below itself
            Assert.All(card.MainPasses, p => Assert.Contains(lines, l => l.StartsWith($" {p.Module}.{p.Graph} ", StringComparison.Ordinal) && l.Contains($" {p.Pass} ", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public void A_libtorch_that_is_not_there_is_the_one_thing_that_doctor_says_with_its_cure()
    {
        var (code, output, errors) = Semaim.RunWith(["SEMAIM_LIBTORCH=/nowhere"], "doctor");

        Assert.Equal((1, ""), (code, errors));
        Assert.StartsWith("!!  libtorch  ", output, StringComparison.Ordinal);
        Assert.Contains("→ unset SEMAIM_LIBTORCH", output);
        Assert.Equal(2, output.TrimEnd().Split('\n').Length);
    }

    [Fact]
    public void Where_no_folder_can_be_written_doctor_names_each_with_its_cure_and_needs_none_itself()
    {
        // below /proc there can be no folder, whoever asks
        var (code, output, errors) = Semaim.RunWith(["TMPDIR=/proc/none", "HOME=/proc/none", "XDG_DATA_HOME=/proc/none", "XDG_CACHE_HOME=/proc/none"], "doctor");

        Assert.True(code == 0, errors + output);
        Assert.StartsWith("ok  libtorch", output, StringComparison.Ordinal);
        Assert.Matches(@" -  temporary files  /proc/none/ cannot be written: .+\n +→ .*TMPDIR=DIR", output);
        Assert.Matches(@" -  data index       /proc/none/semaim cannot be written: .+\n +→ .*SEMAIM_CACHE=DIR", output);
    }

    [Theory]
    [InlineData("> /dev/full", 1, "semaim: standard output: ", "model-list")]
    [InlineData("2> /dev/full", 2, "", "no-verb")]
    [InlineData("| head -1", 0, "", "model-show", "--model", "aim_base", "--json")]
    public void A_full_disk_or_a_closed_pipe_behind_the_program_is_one_line_at_most(string redirection, int expected, string says, params string[] args)
    {
        var (code, _, errors) = Semaim.RunInto(redirection, args);

        Assert.True(code == expected, errors);
        Assert.Equal(says.Length == 0 ? 0 : 1, errors.Count(c => c == '\n'));
        Assert.StartsWith(says, errors, StringComparison.Ordinal);
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

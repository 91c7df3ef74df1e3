using System.Diagnostics;
using Spectre.Console;

namespace SemAim.App.Training;

/// <summary>Tells the person at the terminal what happens: on standard error, a bar that redraws itself on a terminal, plain lines elsewhere.</summary>
internal sealed class Narrator(bool quiet)
{
    private readonly IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
    private readonly bool live = !quiet && !Console.IsErrorRedirected;
    private readonly Stopwatch sinceLine = Stopwatch.StartNew();

    /// <summary>One line, unless the run is quiet.</summary>
    internal void Say(string line)
    {
        if (!quiet) console.WriteLine(line);
    }

    /// <summary>Runs work that reports (steps done, a line that describes them).</summary>
    internal void Track(string what, long total, Action<Action<long, string>> work)
    {
        if (!live)
        {
            work((done, text) =>
            {
                if (quiet || done < total && sinceLine.Elapsed < TimeSpan.FromSeconds(10)) return;
                sinceLine.Restart();
                console.WriteLine($"{what} {done}/{total} {text}");
            });
            return;
        }
        console.Progress().AutoClear(false).Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = 24 }, new PercentageColumn(), new RemainingTimeColumn()).Start(context =>
        {
            var task = context.AddTask(Markup.Escape(what), maxValue: total);
            work((done, text) =>
            {
                task.Value = done;
                task.Description = Markup.Escape($"{what} {text}");
            });
            task.Value = total;
        });
    }
}

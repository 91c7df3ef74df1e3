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
        if (quiet) return;
        line = Printable.Text(line);
        // a file or a pipe gets the line as it is, whatever its length
        if (Console.IsErrorRedirected) Console.Error.WriteLine(line);
        else console.WriteLine(line);
    }

    /// <summary>Why the program ends otherwise than with its result: one line, also where the run is quiet.</summary>
    internal static void Fault(string line) => Console.Error.WriteLine($"semaim: {line}");

    /// <summary>Runs work that reports (steps done, a line that describes them).</summary>
    internal void Track(string what, long total, Action<Action<long, string>> work)
    {
        if (!live)
        {
            var (clock, first) = (new Stopwatch(), 0L);
            work((done, text) =>
            {
                if (!clock.IsRunning)
                {
                    clock.Start();
                    first = done;
                }
                if (quiet || done < total && sinceLine.Elapsed < TimeSpan.FromSeconds(10)) return;
                sinceLine.Restart();
                var left = done > first && done < total ? $", {Rehearsal.Length(clock.Elapsed.TotalSeconds / (done - first) * (total - done))} left" : "";
                Console.Error.WriteLine($"{what} {done}/{total} {text}{left}");
            });
            return;
        }
        console.Progress().AutoClear(false).Columns(Columns(console.Profile.Width)).Start(context =>
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

    /// <summary>What a progress line shows in a window of so many characters: the words first, then percentage, time left and bar as far as they fit.</summary>
    internal static ProgressColumn[] Columns(int width)
    {
        const int words = 42, rest = 15;                // "pretrain loss 0.1234  123 images/s", then " 100 % 00:00:00"
        List<ProgressColumn> columns = [new TaskDescriptionColumn { Alignment = Justify.Left }];
        if (width >= words + rest + 8) columns.Add(new ProgressBarColumn { Width = Math.Min(40, width - words - rest) });
        if (width >= words + 6) columns.Add(new PercentageColumn());
        if (width >= words + rest) columns.Add(new RemainingTimeColumn());
        return [.. columns];
    }
}

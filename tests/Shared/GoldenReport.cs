using System.Globalization;

namespace SemAim.Tests;

/// <summary>How many recorded cases of each kind ran and how far the worst was off; written beside the test assembly, printed after <c>dotnet test</c> (tests/Directory.Build.targets).</summary>
internal static class GoldenReport
{
    private static readonly Lock Gate = new();
    private static readonly SortedDictionary<string, int> Cases = new(StringComparer.Ordinal);
    private static readonly SortedDictionary<(string Kind, string Measure), (double Worst, double Allowed, string File)> Deviations = [];

    /// <summary>Counts a kind's cases.</summary>
    internal static void Ran(string kind, int cases)
    {
        lock (Gate)
        {
            if (Cases.TryGetValue(kind, out var before) && before == cases) return;
            Cases[kind] = cases;
            Write();
        }
    }

    /// <summary>Asserts that a deviation is allowed, and remembers the worst of its kind.</summary>
    /// <param name="kind">the pattern, as in <see cref="GoldenKindAttribute"/></param>
    /// <param name="file">the case</param>
    /// <param name="measure">what deviates: forward, loss, gradient …</param>
    /// <param name="deviation">by how much</param>
    /// <param name="allowed">no more than this</param>
    internal static void Within(string kind, string file, string measure, double deviation, double allowed)
    {
        Assert.True(deviation <= allowed, $"{file}: {measure} is off by {deviation.ToString("G4", CultureInfo.InvariantCulture)}, allowed {allowed.ToString("G4", CultureInfo.InvariantCulture)}");
        lock (Gate)
        {
            // where the allowance depends on the case, the worst is the one nearest to its own
            static double Part(double far, double most) => most > 0 ? far / most : far;
            if (Deviations.TryGetValue((kind, measure), out var before) && Part(before.Worst, before.Allowed) >= Part(deviation, allowed)) return;
            Deviations[(kind, measure)] = (deviation, allowed, file);
            Write();
        }
    }

    /// <summary>Asserts equality: how many of something differ must be 0.</summary>
    /// <param name="kind">the pattern, as in <see cref="GoldenKindAttribute"/></param>
    /// <param name="file">the case</param>
    /// <param name="measure">what is counted: differing bytes, differing names …</param>
    /// <param name="different">those that differ; the first of them are named</param>
    internal static void Equal(string kind, string file, string measure, IReadOnlyCollection<string> different)
    {
        Assert.True(different.Count == 0, $"{file}: {measure}: {different.Count}: {string.Join("; ", different.Take(10))}");
        Within(kind, file, measure, different.Count, 0);
    }

    private static string Figure(double value) => value == 0 ? "0" : value.ToString("0.0e+0", CultureInfo.InvariantCulture);

    private static void Write()
    {
        var lines = Cases.Select(c => string.Create(CultureInfo.InvariantCulture, $"golden {c.Key}: {c.Value} {(c.Value == 1 ? "case" : "cases")}")
            + string.Concat(Deviations.Where(d => d.Key.Kind == c.Key).Select(d => string.Create(CultureInfo.InvariantCulture, $"; {d.Key.Measure} {Figure(d.Value.Worst)} of {Figure(d.Value.Allowed)}"))));
        File.WriteAllLines(Path.Combine(AppContext.BaseDirectory, "golden-report.txt"), lines);
    }
}

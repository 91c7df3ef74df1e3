using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using CommandLine;
using SemAim.App.Training;
using SemAim.Runtime;
using SemAim.Runtime.Data;
using SemAim.Runtime.Native;

namespace SemAim.App.Verbs;

/// <summary><c>semaim data-check</c>: decodes every file once and says what is wrong.</summary>
[Verb("data-check", HelpText = "Decode every picture once: counts, sizes, unreadable files, pictures that train and val share. Ends with 3 if a file is unreadable.")]
internal sealed class DataCheckVerb : PictureOptions, IVerb
{
    private static readonly int[] Bounds = [0, 32, 64, 128, 224, 256, 384, 512, 768, 1024, 2048];

    [Option("data_path", Required = true, HelpText = "A folder as pretrain takes it; train and val are checked where they exist.")]
    public string DataPath { get; set; } = "";

    [Option("num_workers", Default = 0, HelpText = "Decoder threads. 0: as many as the machine has cores.")]
    public int NumWorkers { get; set; }

    [Option("json", Default = false, HelpText = "One JSON object as the last line.")]
    public bool Json { get; set; }

    [Option("quiet", Default = false, HelpText = "No progress.")]
    public bool Quiet { get; set; }

    public int Run()
    {
        if (NumWorkers is < 0 or > 256) throw new UsageException($"--num_workers {NumWorkers}: 0 to 256");
        var workers = NumWorkers > 0 ? NumWorkers : Environment.ProcessorCount;
        var reading = Reading();
        var narrator = new Narrator(Quiet);
        List<SplitReport> reports = [];
        foreach (var split in new[] { "train", "val" })
        {
            using var source = SampleSources.Find(DataPath, split, out var kind, reading);
            if (source is not null && reports.Count == 0) narrator.Say($"decoder {Decoder}, {workers} {(workers == 1 ? "thread" : "threads")}");
            if (source is not null) reports.Add(Check(source, split, kind, workers, narrator));
        }
        if (reports.Count == 0) throw new RefusedException($"--data_path {DataPath}: nothing to check");
        foreach (var report in reports) Print(report);
        var twice = reports.Count == 2 ? Shared(reports[0], reports[1]) : [];
        foreach (var (train, val) in twice.Take(20)) Console.Out.WriteLine($"in both splits: train {Printable.Text(train)} = val {Printable.Text(val)}");
        if (reports.Count == 2) Console.Out.WriteLine($"duplicates between train and val: {twice.Count}");
        var bad = reports.Sum(r => r.Bad.Count);
        if (Json)
            Console.Out.WriteLine(JsonSerializer.Serialize(new
            {
                decoder = Decoder,
                splits = reports.ToDictionary(r => r.Split, r => new
                {
                    kind = r.Kind,
                    count = r.Count,
                    classes = r.Classes,
                    formats = r.Formats,
                    shorter_side = r.Histogram,
                    smallest = r.Smallest,
                    largest = r.Largest,
                    bytes = r.Bytes,
                    unreadable = r.Bad.Select(b => new { path = b.Path, reason = b.Reason }),
                }),
                duplicates_between_splits = twice.Select(t => new { train = t.Train, val = t.Val }),
            }));
        if (bad == 0) return ExitCodes.Done;
        Narrator.Fault($"{bad} {(bad == 1 ? "file" : "files")} cannot be decoded");
        return ExitCodes.Refused;
    }

    private static string Decoder => ImageDecoder.Description;

    private sealed record SplitReport(string Split, string Kind, int Count, int Classes)
    {
        internal SortedDictionary<string, int> Formats { get; } = new(StringComparer.Ordinal);

        internal Dictionary<string, int> Histogram { get; } = Bounds.Select(Label).ToDictionary(l => l, _ => 0);

        internal int[] Smallest { get; set; } = [0, 0];

        internal int[] Largest { get; set; } = [0, 0];

        internal long Bytes { get; set; }

        internal List<(string Path, string Reason)> Bad { get; } = [];

        internal Dictionary<UInt128, string> Contents { get; } = [];
    }

    private readonly record struct Found(int Width, int Height, int Bytes, ImageFormat Format, UInt128 Content, string? Reason);

    private static SplitReport Check(ISampleSource source, string split, string kind, int workers, Narrator narrator)
    {
        var found = new Found[source.Count];
        var (next, done, failure) = (-1, 0, (Exception?)null);
        narrator.Track($"check {split}", source.Count, report =>
        {
            var threads = Enumerable.Range(0, workers).Select(_ => new Thread(() =>
            {
                try
                {
                    using var decoder = new ImageDecoder(source.Decode);
                    byte[] buffer = [];
                    for (int i; (i = Interlocked.Increment(ref next)) < source.Count && Volatile.Read(ref failure) is null; Interlocked.Increment(ref done)) found[i] = Decode(source, i, decoder, ref buffer);
                }
                catch (Exception e) { Interlocked.CompareExchange(ref failure, e, null); }
            })).ToList();
            threads.ForEach(t => t.Start());
            while (!threads.TrueForAll(t => t.Join(100))) report(Volatile.Read(ref done), split);
            report(source.Count, split);
        });
        if (failure is not null) throw new InvalidOperationException($"checking {split} failed: {failure.Message}", failure);
        var result = new SplitReport(split, kind, source.Count, source.Classes.Count);
        for (var i = 0; i < found.Length; i++)
        {
            var f = found[i];
            result.Bytes += f.Bytes;
            if (f.Reason is not null)
            {
                result.Bad.Add((source.Name(i), f.Reason));
                continue;
            }
            result.Formats[f.Format.ToString()] = result.Formats.GetValueOrDefault(f.Format.ToString()) + 1;
            result.Histogram[Label(Bounds.Last(b => b <= Math.Min(f.Width, f.Height)))]++;
            var pixels = (long)f.Width * f.Height;
            if (result.Largest[0] == 0 || pixels > (long)result.Largest[0] * result.Largest[1]) result.Largest = [f.Width, f.Height];
            if (result.Smallest[0] == 0 || pixels < (long)result.Smallest[0] * result.Smallest[1]) result.Smallest = [f.Width, f.Height];
            result.Contents.TryAdd(f.Content, source.Name(i));
        }
        return result;
    }

    private static Found Decode(ISampleSource source, int index, ImageDecoder decoder, ref byte[] buffer)
    {
        var length = 0;
        try
        {
            length = source.Read(index, ref buffer);
            var file = buffer.AsSpan(0, length);
            var image = decoder.Decode(file);
            Span<byte> hash = stackalloc byte[32];
            SHA256.HashData(file, hash);
            return new Found(image.Width, image.Height, length, ImageDecoder.Sniff(file), MemoryMarshal.Read<UInt128>(hash), null);
        }
        catch (Exception e) when (e is ImageDecodeException or IOException or UnauthorizedAccessException)
        {
            return new Found(0, 0, length, ImageFormat.Unknown, 0, e.Message);
        }
    }

    private static void Print(SplitReport r)
    {
        Console.Out.WriteLine($"{r.Split}: {r.Kind}, {r.Count} pictures, {r.Classes} classes, {r.Bytes / 1e6:F1} MB; {string.Join(", ", r.Formats.Select(f => $"{f.Value} {f.Key}"))}");
        var most = Math.Max(1, r.Histogram.Values.Max());
        foreach (var (label, count) in r.Histogram.Where(h => h.Value > 0)) Console.Out.WriteLine($"  shorter side {label,-11} {count,9}  {new string('█', (int)Math.Ceiling(40.0 * count / most))}");
        if (r.Largest[0] > 0) Console.Out.WriteLine($"  smallest {r.Smallest[0]} x {r.Smallest[1]}, largest {r.Largest[0]} x {r.Largest[1]}");
        foreach (var (path, reason) in r.Bad) Console.Out.WriteLine($"  unreadable: {Printable.Text($"{path}: {reason}")}");
        Console.Out.WriteLine($"  unreadable: {r.Bad.Count}");
    }

    private static List<(string Train, string Val)> Shared(SplitReport train, SplitReport val)
        => [.. val.Contents.Where(c => train.Contents.ContainsKey(c.Key)).Select(c => (train.Contents[c.Key], c.Value)).OrderBy(t => t.Item1, StringComparer.Ordinal)];

    private static string Label(int bound)
    {
        var next = Array.IndexOf(Bounds, bound) + 1;
        return next < Bounds.Length ? string.Create(CultureInfo.InvariantCulture, $"{bound}-{Bounds[next] - 1}") : string.Create(CultureInfo.InvariantCulture, $"{bound}+");
    }
}

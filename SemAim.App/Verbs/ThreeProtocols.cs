using CommandLine;
using SemAim.App.Training;
using SemAim.Runtime.Logging;

namespace SemAim.App.Verbs;

/// <summary>What a protocol measured with the network as it was before pretraining and after it.</summary>
/// <param name="Protocol">its name</param>
/// <param name="Before">per cent right, and its standard error</param>
/// <param name="After">the same</param>
/// <param name="How">the protocol in one line, as the verb says it of the pretrained network, and how fast it went</param>
internal sealed record ProtocolComparison(string Protocol, (double Top1, double Error) Before, (double Top1, double Error) After, string How = "")
{
    /// <summary>Gained, lost, or neither: a difference within twice its standard error says nothing.</summary>
    internal string Verdict
    {
        get
        {
            var (difference, error) = (After.Top1 - Before.Top1, Math.Sqrt(Before.Error * Before.Error + After.Error * After.Error));
            return Math.Abs(difference) <= 2 * error ? $"no difference beyond chance ({difference:+0.0;-0.0} ± {error:F1})" : difference > 0 ? $"gained {difference:F1} ± {error:F1}" : $"lost {-difference:F1} ± {error:F1}";
        }
    }

    /// <summary>For the report.</summary>
    internal (string Title, string Value, string Note) Tile => ($"{Protocol} top-1", $"{After.Top1:F1} ± {After.Error:F1} %", $"without pretraining {Before.Top1:F1} ± {Before.Error:F1} %: {Verdict}");
}

/// <summary>The three protocols on one data set, each with the pretrained weights and with the weights that pretraining began with: the same verbs, options and seeds for both.</summary>
internal static class ThreeProtocols
{
    /// <summary>Runs all of it; the runs lie in <c>FOLDER/evaluations</c>.</summary>
    /// <param name="data">train and val folders with classes</param>
    /// <param name="folder">of the pretraining run</param>
    /// <param name="untrained">weights before pretraining</param>
    /// <param name="pretrained">weights after it</param>
    /// <param name="pictures">training pictures, which bound the batches</param>
    internal static IReadOnlyList<ProtocolComparison> Run(string data, string folder, string untrained, string pretrained, int pictures, ulong seed, bool quiet, MetricsLog log)
    {
        var output = Path.Combine(folder, "evaluations");
        if (Directory.Exists(output)) Directory.Delete(output, recursive: true);
        string[] Trained(string weights, string name) => ["--data_path", data, "--finetune", weights, "--output_dir", output, "--experiment", name, "--seed", $"{seed}", "--num_workers", "2"];
        var protocols = new (string Name, Func<string, string, EvaluationOptions> Measure)[]
        {
            ("linear probe", (weights, name) => Ran<LinprobeVerb>([.. Trained(weights, "linprobe-" + name), "--augment", "none", "--cache_features", "--batch_size", $"{Math.Min(256, pictures)}", "--epochs", "60", "--warmup_epochs", "0"], quiet)),
            ("fine-tuning", (weights, name) => Ran<FinetuneVerb>([.. Trained(weights, "finetune-" + name), "--batch_size", $"{Math.Min(64, pictures / 2)}", "--epochs", "5", "--warmup_epochs", "1", "--lr", "1e-3", "--drop_path", "0", "--aa", "none", "--reprob", "0"], quiet)),
            ("k-NN, as knn has it", (weights, _) => Ran<KnnVerb>(["--data_path", data, "--pretrained_weights", weights, "--features", "patches", "--nb_knn", "20", "--num_workers", "2"], quiet)),
        };
        var rows = new List<ProtocolComparison>();
        foreach (var (name, measure) in protocols)
        {
            var (before, after) = (measure(untrained, "untrained"), measure(pretrained, "pretrained"));
            var row = new ProtocolComparison(name, before.Result!.Value, after.Result!.Value, after.How);
            log.Write("protocol", ("protocol", name), ("untrained", Math.Round(row.Before.Top1, 2)), ("untrained_error", Math.Round(row.Before.Error, 2)), ("pretrained", Math.Round(row.After.Top1, 2)), ("pretrained_error", Math.Round(row.After.Error, 2)), ("verdict", row.Verdict), ("how", row.How));
            rows.Add(row);
        }
        return rows;
    }

    private static TVerb Ran<TVerb>(string[] args, bool quiet) where TVerb : EvaluationOptions, IVerb
    {
        using var parser = new Parser(s =>
        {
            s.CaseInsensitiveEnumValues = true;
            s.ParsingCulture = System.Globalization.CultureInfo.InvariantCulture;
        });
        var verb = parser.ParseArguments<TVerb>(quiet ? [.. args, "--quiet"] : args).Value;
        verb.Out = TextWriter.Null;
        return verb.Run() == ExitCodes.Done && verb.Result is not null ? verb : throw new Runtime.RefusedException($"{typeof(TVerb).Name} did not finish");
    }
}

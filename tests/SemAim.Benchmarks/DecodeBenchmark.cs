using System.Diagnostics;
using SemAim.Runtime.Data;

namespace SemAim.Benchmarks;

/// <summary>Parts of the data path in turns on one thread: decoding whole pictures and crops here and by the library, resampling. Best and median of the rounds, µs a picture.</summary>
internal static unsafe class DecodeBenchmark
{
    private const int Rounds = 15;

    /// <param name="arguments">a folder of pictures</param>
    internal static int Run(string[] arguments)
    {
        if (arguments is not [var folder]) return 2;
        var files = Directory.GetFiles(folder, "*.jp*g", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Take(200).Select(File.ReadAllBytes).ToList();
        using ImageDecoder own = new(), library = new(new DecodeOptions(LibraryOnly: true));
        using var pretrain = new TrainingPipeline(TrainingOptions.Pretraining(1, 224));
        using var finetune = new TrainingPipeline(TrainingOptions.Finetuning(1, 224, new RandAugmentOptions(), 0, 0.25, 1));
        using var eval = EvaluationPipeline.Classification(224);
        using var byLibrary = new TrainingPipeline(TrainingOptions.Pretraining(1, 224) with { Decode = new DecodeOptions(LibraryOnly: true) });
        using var evalByLibrary = EvaluationPipeline.Classification(224, new DecodeOptions(LibraryOnly: true));
        using var resampler = new PilResampler();
        var source = new byte[500 * 500 * 4 + 64];
        new Random(1).NextBytes(source);
        var row = new byte[3 * 224 * 224];
        (string Name, Action<int> Work)[] parts =
        [
            ("decode whole", i => own.Decode(files[i])),
            ("decode whole, library", i => library.Decode(files[i])),
            ("pretrain path", i => Through(pretrain, i)),
            ("pretrain path, library", i => Through(byLibrary, i)),
            ("finetune path", i => Through(finetune, i)),
            ("eval path", i => Through(eval, i)),
            ("eval path, library", i => Through(evalByLibrary, i)),
            ("resample 385 x 290 to 224", i => Resample(new Box(i % 50, i % 40, 385, 290), 224, 224, new Box(0, 0, 224, 224))),
            ("resample 500 x 375 to eval", i => Resample(new Box(0, 0, 500, 375), 341, 256, new Box(58, 16, 224, 224))),
        ];
        var times = parts.Select(_ => new List<double>()).ToList();
        for (var round = 0; round < Rounds + 3; round++)
            for (var p = 0; p < parts.Length; p++)
            {
                var clock = Stopwatch.StartNew();
                for (var i = 0; i < files.Count; i++) parts[p].Work(i);
                if (round >= 3) times[p].Add(clock.Elapsed.TotalMicroseconds / files.Count);
            }
        for (var p = 0; p < parts.Length; p++) Console.WriteLine($"{parts[p].Name,-28} {times[p].Min(),8:F0} {times[p].Order().ElementAt(Rounds / 2),8:F0} µs");
        return 0;

        void Through(ISamplePipeline pipeline, int i)
        {
            var info = new RowInfo();
            info.Reset(new SampleKey(0, i), 0);
            fixed (byte* p = row) pipeline.Run(files[i], new SampleKey(0, i), p, ref info);
        }

        void Resample(Box box, int width, int height, Box window)
        {
            fixed (byte* s = source, t = row) resampler.Run(s, 500 * 4, box, width, height, window, false, t);
        }
    }
}

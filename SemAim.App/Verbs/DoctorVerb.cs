using CommandLine;
using SemAim.Runtime.Native;
using TorchSharp;

namespace SemAim.App.Verbs;

/// <summary><c>semaim doctor</c>: what this machine offers.</summary>
[Verb("doctor", HelpText = "Say what this machine offers, with a remedy for each thing that is missing.")]
internal sealed class DoctorVerb : IVerb
{
    public int Run()
    {
        Console.Out.WriteLine($"native   {NativeStart.Ensure()}");
        Console.Out.WriteLine($"threads  {torch.get_num_threads()} of {Environment.ProcessorCount} cores");
        Console.Out.WriteLine($"CUDA     {(torch.cuda.is_available() ? $"{torch.cuda.device_count()} device(s)" : "none; build with -p:LibTorch=cuda on a machine with an NVIDIA GPU")}");
        Console.Out.WriteLine($"JPEG     {(TurboJpeg.IsAvailable ? "libjpeg-turbo" : "SkiaSharp; libjpeg-turbo decodes twice as fast (Debian: apt-get install libturbojpeg0)")}");
        return ExitCodes.Done;
    }
}

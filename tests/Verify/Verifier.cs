using System.Runtime.CompilerServices;
using System.Text;

namespace VerifyXunit;

/// <summary>
/// A stand-in for Verify.Xunit with its conventions, for feeds where that package's dependencies cannot be restored: <c>NAME.verified.EXT</c> is what was accepted,
/// <c>NAME.received.EXT</c> what came; a difference fails. With <c>-p:UseVerify=true</c> the package takes its place and no test or snapshot changes.
/// </summary>
internal static class Verifier
{
    /// <summary>Compares a text with what was accepted.</summary>
    internal static SettingsTask Verify(string target, string extension = "txt", [CallerFilePath] string sourceFile = "") => new(target, extension, sourceFile);
}

/// <summary>A comparison that runs when it is awaited.</summary>
internal sealed class SettingsTask(string target, string extension, string sourceFile)
{
    private const int Context = 3;
    private string directory = "", name = "snapshot";

    internal SettingsTask UseDirectory(string path)
    {
        directory = path;
        return this;
    }

    internal SettingsTask UseFileName(string fileName)
    {
        name = fileName;
        return this;
    }

    public TaskAwaiter GetAwaiter()
    {
        Compare();
        return Task.CompletedTask.GetAwaiter();
    }

    private void Compare()
    {
        var folder = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(sourceFile)!, directory));
        var (verified, received) = (Path.Combine(folder, $"{name}.verified.{extension}"), Path.Combine(folder, $"{name}.received.{extension}"));
        var came = target.Replace("\r\n", "\n");
        var accepted = File.Exists(verified) ? File.ReadAllText(verified).Replace("\r\n", "\n") : null;
        if (accepted == came)
        {
            File.Delete(received);
            return;
        }
        Directory.CreateDirectory(folder);
        File.WriteAllText(received, came);
        throw new VerifyException(accepted is null
            ? $"{Path.GetFileName(verified)} does not exist yet; look at {received} and rename it to accept it"
            : $"{Path.GetFileName(verified)} differs from what came ({received}):\n{Difference(accepted.Split('\n'), came.Split('\n'))}");
    }

    // the lines around the first difference, accepted ones with -, received ones with +
    private static string Difference(string[] accepted, string[] came)
    {
        var first = 0;
        while (first < accepted.Length && first < came.Length && accepted[first] == came[first]) first++;
        var text = new StringBuilder();
        for (var i = Math.Max(0, first - Context); i < first; i++) text.Append("  ").AppendLine(accepted[i]);
        for (var i = first; i < Math.Min(accepted.Length, first + Context); i++) text.Append("- ").AppendLine(accepted[i]);
        for (var i = first; i < Math.Min(came.Length, first + Context); i++) text.Append("+ ").AppendLine(came[i]);
        return text.ToString();
    }
}

/// <summary>A snapshot differs.</summary>
internal sealed class VerifyException(string message) : Exception(message);

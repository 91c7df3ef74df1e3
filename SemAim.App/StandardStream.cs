using System.Text;

namespace SemAim.App;

/// <summary>Standard output or error of the program, on a disk that may be full and behind a pipe that may be closed.</summary>
/// <param name="inner">where it goes</param>
/// <param name="name">in the message of an <see cref="IOException"/> where nothing can be written; null: what cannot be written is lost, and the work goes on</param>
internal sealed class StandardStream(TextWriter inner, string? name) : TextWriter
{
    public override Encoding Encoding => inner.Encoding;

    /// <summary>Results must arrive, or the program says that they did not; what is told on the way ends no run.</summary>
    internal static void Install()
    {
        Console.SetOut(new StandardStream(Console.Out, "standard output"));
        Console.SetError(new StandardStream(Console.Error, null));
    }

    public override void Write(char value) => Try(() => inner.Write(value));

    public override void Write(string? value) => Try(() => inner.Write(value));

    public override void Write(char[] buffer, int index, int count) => Try(() => inner.Write(buffer, index, count));

    public override void WriteLine(string? value) => Try(() => inner.WriteLine(value));

    public override void Flush() => Try(inner.Flush);

    private void Try(Action write)
    {
        try { write(); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (name is not null) throw new IOException($"{name}: {e.Message}", e);
        }
    }
}

namespace SemAim.App;

/// <summary>Writes a result's file: it appears whole or not at all, and what was there stays until then.</summary>
internal static class WholeFile
{
    /// <param name="path">where; its folder exists</param>
    /// <param name="write">writes all of it; the stream is closed after it</param>
    /// <exception cref="IOException">there is no room; nothing is left</exception>
    internal static void Write(string path, Action<Stream> write)
    {
        // what is no file of its own (a device, a link) is written to
        if (new FileInfo(path) is { Exists: true } there && (there.LinkTarget is not null || there.Length == 0))
        {
            using var direct = File.Create(path);
            write(direct);
            return;
        }
        var part = path + ".part";
        try
        {
            using (var stream = File.Create(part)) write(stream);
            File.Move(part, path, overwrite: true);
        }
        catch
        {
            File.Delete(part);
            throw;
        }
    }

    /// <summary>The same of a text, in UTF-8.</summary>
    internal static void Write(string path, string text) => Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));
}

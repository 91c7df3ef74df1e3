namespace SemAim.Runtime.Logging;

/// <summary>A file that grows by whole records, each on disk when the call returns. A record that the disk does not take leaves no part of itself behind, so a log on a full disk goes on once there is room again.</summary>
internal sealed class RecordFile : IDisposable
{
    private readonly Stream stream;
    private readonly string name;
    private readonly Action<string>? tell;
    private readonly Lock writing = new();
    private long lost;

    /// <param name="stream">is appended to; without a buffer, so that what the disk refuses does not come back at the next write</param>
    /// <param name="name">for messages</param>
    /// <param name="tell">gets one line when records begin to be lost, and one when they are written again; null: a refusal is thrown</param>
    internal RecordFile(Stream stream, string name, Action<string>? tell)
    {
        (this.stream, this.name, this.tell) = (stream, name, tell);
        stream.Seek(0, SeekOrigin.End);
    }

    /// <summary>Opens a file, OpenOrCreate or CreateNew.</summary>
    internal static RecordFile Open(string path, FileMode mode, Action<string>? tell)
        => new(new FileStream(path, mode, FileAccess.Write, FileShare.Read, bufferSize: 0), path, tell);

    /// <summary>Adds a record.</summary>
    /// <exception cref="IOException">the disk does not take it, and nobody is told</exception>
    internal void Add(ReadOnlySpan<byte> record)
    {
        lock (writing)
        {
            var end = stream.Position;
            try
            {
                stream.Write(record);
                if (lost > 0) tell?.Invoke($"{name}: written again; {lost} records are missing");
                lost = 0;
            }
            catch (Exception e) when (tell is not null && e is IOException or ArgumentOutOfRangeException)       // the second: a file too large for its file system
            {
                stream.SetLength(end);
                stream.Seek(end, SeekOrigin.Begin);
                if (lost++ == 0) tell($"{name}: a record could not be written ({e.Message}); the run goes on");
            }
        }
    }

    public void Dispose() => stream.Dispose();
}

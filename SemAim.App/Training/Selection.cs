using SemAim.Runtime.Data;

namespace SemAim.App.Training;

/// <summary>Some pictures of a source, which stays the caller's.</summary>
/// <param name="source">of the pictures</param>
/// <param name="indices">theirs, in the order in which they are to come</param>
internal sealed class Selection(ISampleSource source, IReadOnlyList<int> indices) : ISampleSource
{
    public int Count => indices.Count;

    public DecodeOptions Decode => source.Decode;

    public IReadOnlyList<string> Classes => source.Classes;

    public int Label(int index) => source.Label(indices[index]);

    public string Name(int index) => source.Name(indices[index]);

    public int Read(int index, ref byte[] buffer) => source.Read(indices[index], ref buffer);

    public void Dispose()
    {
    }
}

namespace SemAim.App.Training;

/// <summary>What an evaluation did, said once on the screen and once in its JSON: the same words and numbers.</summary>
internal sealed class Protocol
{
    private readonly List<KeyValuePair<string, object>> items = [];

    /// <summary>Adds one fact.</summary>
    internal Protocol Add(string name, object value)
    {
        items.Add(new(name, value));
        return this;
    }

    /// <summary>All of it in one line.</summary>
    internal string Line => "protocol: " + string.Join("; ", items.Select(i => $"{i.Key.Replace('_', ' ')} {i.Value}"));

    /// <summary>All of it for a JSON object.</summary>
    internal Dictionary<string, object> Json => new(items);
}

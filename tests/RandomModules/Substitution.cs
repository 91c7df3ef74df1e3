namespace SemAim.RandomModules;

/// <summary>What the names of a callee's contract are where it is called.</summary>
/// <param name="callee">the sizes that the contract speaks of</param>
/// <param name="caller">sizes that have a name where it is called</param>
internal sealed class Substitution(SizeScope callee, IEnumerable<Size> caller)
{
    private readonly Dictionary<string, Size> names = [];

    /// <summary>Says what a name is, where nothing did yet.</summary>
    internal void Bind(string name, Size size) => names.TryAdd(name, size);

    /// <summary>A size of the callee, with the caller's names; null where it has none.</summary>
    internal Size? Of(Size size) => size.With(Of);

    private Size? Of(string name)
    {
        if (names.TryGetValue(name, out var size)) return size;
        if (callee.Members.FirstOrDefault(m => m.Name == name) is not { Name: not null } member) return null;
        if (Of(member.Whole) is not { } whole || Of(member.Part) is not { } part || !whole.IsMultipleOf(part)) return null;
        return part.IsNumber && part.Least == 1 ? whole : caller.Append(Size.Of(1)).Append(Size.Of(2)).FirstOrDefault(s => (s * part).Is(whole)) ?? whole.Over(part);
    }

    /// <summary>A value may be what the callee takes; its axes bind the names that are alone on an axis and that a call binds, or that <paramref name="open"/> leaves to it.</summary>
    internal bool Match(Taken taken, Value value, Func<string, bool> open)
    {
        if (taken.Kind != value.Kind || taken.HasLead || value.HasLead || value.Axes.Length != taken.Axes.Count) return false;
        var pairs = taken.Axes.Zip(value.Axes).ToList();
        foreach (var (wanted, got) in pairs)
            if (wanted.IsName && (open(wanted.Text) || callee.Named.All(s => s.Text != wanted.Text))) Bind(wanted.Text, got);
        return pairs.All(p => Of(p.First) is { } size ? size.Is(p.Second) : callee.Named.Any(s => !names.ContainsKey(s.Text)));
    }

    internal bool Holds(Fact fact)
    {
        if (Of(fact.Left) is not { } left || Of(fact.Right) is not { } right) return false;
        return fact.Kind switch
        {
            "%" => left.IsMultipleOf(right),
            ">=" => left.Least >= right.Least,
            "==" => left.Is(right),
            "<" => left.IsNumber && right.IsNumber && left.Least < right.Least,
            _ => left.Is(right) || left.IsNumber && left.Least == 1,
        };
    }
}

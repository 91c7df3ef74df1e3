namespace SemAim.RandomModules;

/// <summary>The sizes of a module: constructor parameters, members and facts, drawn so that the facts hold.</summary>
internal sealed class SizeScope
{
    private const string Letters = "ABCDEFGHIJKLMNOPQRSUVWXYZ";
    private readonly Random random;
    private readonly HashSet<string> taken = ["T", "B"];             // what calls bind

    internal List<Size> Parameters { get; } = [];
    internal List<Fact> Facts { get; } = [];

    /// <summary>Members: what they say, and the quotient that they stand for.</summary>
    internal List<(string Name, string Text, Size Size, Size Whole, Size Part)> Members { get; } = [];

    /// <summary>Groups of names whose product is a name: D = H · E.</summary>
    internal List<(Size Whole, Size Factor, Size Quotient)> Products { get; } = [];

    /// <summary>Counts of copies.</summary>
    internal List<Size> Counts { get; } = [];

    internal SizeScope(Random random)
    {
        this.random = random;
        Story(random.Next(5) < 3 ? 0 : random.Next(Stories));
        for (var n = random.Next(3); n > 0; n--) Story(random.Next(Stories));
        if (random.Next(2) == 0)
        {
            // copies, half of which begin a skip now and then
            if (random.Next(3) > 0) Counts.Add(Parameter("L"));
            else
            {
                var half = Values();
                Counts.Add(Parameter("L", [.. half.Select(v => 2 * v)]));
                Facts.Add(new("%", Counts[0], Size.Of(2)));
                HasHalves = true;
            }
        }
    }

    /// <summary>The number of copies is even.</summary>
    internal bool HasHalves { get; }

    /// <summary>Everything that has a name.</summary>
    internal IEnumerable<Size> Named => Parameters.Concat(Members.Select(m => m.Size));

    /// <summary>Sizes that layers and axes are made of.</summary>
    internal IEnumerable<Size> Widths => Named.Where(s => !Counts.Contains(s) && s.Least >= 1);

    private const int Stories = 12;

    private void Story(int which)
    {
        switch (which)
        {
            case 0:                                                  // channels in heads
                {
                    var (heads, rest) = (Values(), Values());
                    var whole = Parameter("D", Product(heads, rest));
                    var factor = Parameter("H", heads);
                    Divided(whole, factor, "E", rest);
                    break;
                }
            case 1:                                                  // patches tile a picture
                {
                    var (side, patch) = (Values(), Values());
                    var whole = Parameter("S", Product(side, patch));
                    var factor = Parameter("P", patch);
                    Divided(whole, factor, "G", side);
                    if (random.Next(2) == 0 && Members.Count > 0) Member("N", Members[^1].Size * Members[^1].Size);
                    break;
                }
            case 2:                                                  // a grid of patches, the picture is their product
                {
                    var (grid, patch) = (Parameter("G"), Parameter("P"));
                    Products.Add((grid * patch, grid, patch));
                    if (random.Next(2) == 0) Member("N", grid * grid);
                    break;
                }
            case 3:                                                  // halves, quarters
                {
                    var number = random.Next(2, 5);
                    var rest = Values();
                    var whole = Parameter("F", [.. rest.Select(v => v * number)]);
                    Divided(whole, Size.Of(number), "M", rest);
                    break;
                }
            case 4: Member("Q", Parameter("N") + Size.Of(random.Next(1, 3))); break;
            case 5:                                                  // at least two
                {
                    var name = Parameter("N");
                    Parameters.Remove(name);
                    name = name.AtLeast(random.Next(2, 4));
                    Parameters.Add(name);
                    Facts.Add(new(">=", name, Size.Of(name.Least)));
                    break;
                }
            case 6:                                                  // some of all
                {
                    var (some, all) = (Parameter("K"), Parameter("N"));
                    Facts.Add(new("<=", some, all));
                    break;
                }
            case 7:                                                  // fewer than all
                {
                    var (some, all) = (Parameter("K"), Parameter("N"));
                    Facts.Add(new("<", some, all));
                    break;
                }
            case 8:                                                  // a number of tokens that is a square
                {
                    var side = Values();
                    var (all, grid) = (Parameter("N", Product(side, side)), Parameter("G", side));
                    Facts.Add(new("==", all, grid * grid));
                    Products.Add((all, grid, grid));
                    break;
                }
            case 9:                                                  // halves of heads
                {
                    var (heads, half) = (Values(), Values());
                    var whole = Parameter("D", [.. Product(heads, half).Select(v => 2 * v)]);
                    var factor = Parameter("H", heads);
                    Divided(whole, factor, "E", [.. half.Select(v => 2 * v)]);
                    Facts.Add(new("%", whole, Size.Of(2) * factor));
                    var quotient = Size.Named(Free("M"), half);
                    Members.Add((quotient.Text, $"{whole.Text} / (2 * {factor.Text})", quotient, whole, Size.Of(2) * factor));
                    Products.Add((Members[^2].Size, Size.Of(2), quotient));
                    break;
                }
            case 10: Member("W", Parameter("D") * Size.Of(random.Next(2, 5))); break;
            default: Parameter("C"); break;
        }
    }

    private void Divided(Size whole, Size factor, string name, long[] rest)
    {
        Facts.Add(new("%", whole, factor));
        var quotient = Size.Named(Free(name), rest);
        Members.Add((quotient.Text, $"{whole.Text} / {factor.Text}", quotient, whole, factor));
        Products.Add((whole, factor, quotient));
    }

    private void Member(string name, Size size)
    {
        var member = Size.Named(Free(name), size.Values, size.Least);
        Members.Add((member.Text, size.Text.Replace("*", " * ", StringComparison.Ordinal).Replace("+", " + ", StringComparison.Ordinal).Replace("-", " - ", StringComparison.Ordinal), member, size, Size.Of(1)));
    }

    private Size Parameter(string name, long[]? values = null)
    {
        var size = Size.Named(Free(name), values ?? Values());
        Parameters.Add(size);
        return size;
    }

    private string Free(string name)
    {
        while (!taken.Add(name)) name = Letters[random.Next(Letters.Length)].ToString();
        return name;
    }

    private long[] Values() => [.. Enumerable.Range(0, Size.Points).Select(_ => (long)random.Next(1009, 9973))];

    private static long[] Product(long[] a, long[] b) => [.. a.Zip(b, (x, y) => x * y)];
}

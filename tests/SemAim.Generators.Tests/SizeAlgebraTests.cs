using SemAim.Generators.Symbols;

namespace SemAim.Generators.Tests;

/// <summary>Sizes are polynomials in normal form: a ring in which equal values have equal forms, and what facts prove holds at every admissible point.</summary>
public sealed class SizeAlgebraTests
{
    private static readonly string[] Names = ["A", "B", "D", "H"];
    private readonly Random random = new(20240229);

    private Dim Random(int depth = 3) => random.Next(depth == 0 ? 2 : 5) switch
    {
        0 => Dim.Const(random.Next(-4, 5)),
        1 => Dim.Symbol(Names[random.Next(Names.Length)]),
        2 => Random(depth - 1) + Random(depth - 1),
        3 => Random(depth - 1) - Random(depth - 1),
        _ => Random(depth - 1) * Random(depth - 1),
    };

    private Func<string, long> Point()
    {
        var values = Names.ToDictionary(n => n, _ => (long)random.Next(1, 9));
        return n => values[n];
    }

    [Fact]
    public void The_axioms_of_a_ring_hold()
    {
        for (var n = 0; n < 300; n++)
        {
            var (a, b, c) = (Random(), Random(), Random());
            Assert.Equal(a + b, b + a);
            Assert.Equal(a * b, b * a);
            Assert.Equal((a + b) + c, a + (b + c));
            Assert.Equal((a * b) * c, a * (b * c));
            Assert.Equal(a * (b + c), a * b + a * c);
            Assert.Equal(Dim.Zero, a - a);
            Assert.Equal(a, a + 0);
            Assert.Equal(a, a * 1);
            Assert.Equal((a * b).GetHashCode(), (b * a).GetHashCode());
        }
    }

    [Fact]
    public void Operations_agree_with_numbers_and_forms_are_equal_where_values_are()
    {
        for (var n = 0; n < 300; n++)
        {
            var (a, b) = (Random(), Random());
            var points = Enumerable.Range(0, 40).Select(_ => Point()).ToList();
            foreach (var p in points)
            {
                Assert.Equal(a.Evaluate(p) + b.Evaluate(p), (a + b).Evaluate(p));
                Assert.Equal(a.Evaluate(p) - b.Evaluate(p), (a - b).Evaluate(p));
                Assert.Equal(a.Evaluate(p) * b.Evaluate(p), (a * b).Evaluate(p));
            }
            Assert.Equal(a.Equals(b), points.All(p => a.Evaluate(p) == b.Evaluate(p)));
        }
    }

    [Fact]
    public void A_product_divides_exactly_by_each_of_its_terms_and_a_quotient_is_exact()
    {
        for (var n = 0; n < 300; n++)
        {
            var (a, term) = (Random(), Dim.Const(random.Next(1, 4)) * Dim.Symbol(Names[random.Next(4)]) * (random.Next(2) == 0 ? Dim.Symbol(Names[random.Next(4)]) : 1));
            Assert.Equal(a, (a * term).Over(term));
            if (Random().Over(term) is { } quotient) Assert.True(Point() is var p && quotient.Evaluate(p) * term.Evaluate(p) == (quotient * term).Evaluate(p));
        }
        Assert.Null((Dim.Symbol("A") + 1).Over(Dim.Symbol("A")));
        Assert.Null(Dim.Symbol("A").Over(2));
    }

    [Fact]
    public void Substitution_is_evaluation_at_the_substituted_point()
    {
        for (var n = 0; n < 300; n++)
        {
            var (a, by) = (Random(), Random(1));
            var p = Point();
            Assert.Equal(a.Evaluate(s => s == "A" ? by.Evaluate(p) : p(s)), a.Substitute(s => s == "A" ? by : null).Evaluate(p));
        }
    }

    [Fact]
    public void What_is_never_negative_is_not_at_any_point()
    {
        var proven = 0;
        for (var n = 0; n < 2000; n++)
        {
            var a = Random();
            if (!a.IsNeverNegative) continue;
            proven++;
            for (var i = 0; i < 20; i++) Assert.True(a.Evaluate(Point()) >= 0, a.ToString());
        }
        Assert.True(proven > 200, $"{proven}");
        Dim s = Dim.Symbol("S"), q = Dim.Symbol("q");
        Assert.True((s * q - s).IsNeverNegative);
        Assert.False((s * q - 2 * s).IsNeverNegative);
    }

    [Fact]
    public void Facts_prove_only_what_holds_where_they_hold()
    {
        var facts = new SizeFacts();
        foreach (var n in Names) facts.Declare(n);
        facts.RequireMultiple(Dim.Symbol("D"), Dim.Symbol("H"));
        facts.RequireZero(Dim.Symbol("A") * 2 - Dim.Symbol("B"));
        facts.RequireNeverNegative(Dim.Symbol("A") - Dim.Symbol("H"));
        long Value(Func<string, long> p, string symbol) => symbol.Contains('/') ? p("D") / p("H") : p(symbol);
        var points = new List<Func<string, long>>();
        while (points.Count < 60)
            if (Point() is var p && p("D") % p("H") == 0 && 2 * p("A") == p("B") && p("A") >= p("H")) points.Add(p);

        for (var n = 0; n < 1500; n++)
        {
            var (a, b) = (Random(2), Random(2));
            if (facts.Same(a, b)) Assert.All(points, p => Assert.Equal(facts.Normalise(a).Evaluate(s => Value(p, s)), facts.Normalise(b).Evaluate(s => Value(p, s))));
            if (facts.IsNeverNegative(a)) Assert.All(points, p => Assert.True(a.Evaluate(p) >= 0, a.ToString()));
            if (facts.Divide(a, b) is { } quotient) Assert.All(points, p => Assert.Equal(a.Evaluate(p), quotient.Evaluate(s => Value(p, s)) * b.Evaluate(p)));
        }
        Assert.True(facts.Same(Dim.Symbol("B"), 2 * Dim.Symbol("A")));
        Assert.True(facts.IsNeverNegative(2 * Dim.Symbol("A") - 2 * Dim.Symbol("H")));
        Assert.Equal("D / H", facts.Divide(Dim.Symbol("D"), Dim.Symbol("H"))!.ToString());
    }

    [Fact]
    public void A_quotient_of_a_difference_is_no_positive_size()
    {
        var facts = new SizeFacts();
        facts.Declare("S");
        facts.RequireMultiple(Dim.Symbol("S") - 3, 2);
        var half = facts.Divide(Dim.Symbol("S") - 3, 2)!;

        Assert.False(facts.IsNeverNegative(half));                       // S = 1
        facts.RequireNeverNegative(Dim.Symbol("S") - 3);
        Assert.True(facts.IsNeverNegative(half));
        Assert.False(facts.IsNeverNegative(half - 1));                   // S = 3
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Two_quotients_of_one_size_know_each_other(bool finerFirst)
    {
        var (D, H) = (Dim.Symbol("D"), Dim.Symbol("H"));
        var facts = new SizeFacts();
        facts.Declare("D");
        facts.Declare("H");
        foreach (var by in finerFirst ? new[] { 2 * H, H } : [H, 2 * H]) facts.RequireMultiple(D, by);

        var (width, half) = (facts.Divide(D, H)!, facts.Divide(D, 2 * H)!);

        Assert.True(facts.Same(width, 2 * half));
        Assert.True(facts.Same(facts.Divide(width, 2)!, half));
        Assert.Null(facts.Divide(half, 2));
    }

    [Fact]
    public void What_is_subtracted_stands_behind()
    {
        Assert.Equal("S - P", (Dim.Symbol("S") - Dim.Symbol("P")).ToString());
        Assert.Equal("S - G²", (Dim.Symbol("S") - Dim.Symbol("G") * Dim.Symbol("G")).ToString());
        Assert.Equal("-P", (Dim.Symbol("P") * -1).ToString());
        Assert.Equal("S", (Dim.Symbol("S") - Dim.Symbol("P") * 2).Modulo(Dim.Symbol("P")).ToString());
    }
}

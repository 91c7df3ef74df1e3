using System;
using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Collections;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Check;

/// <summary>A fact taken apart: <c>Left [% Modulus] Operator Right</c>.</summary>
public sealed record ParsedFact(Fact Fact, Expr Left, Expr? Modulus, string Operator, Expr Right)
{
    private static readonly string[] Operators = ["==", "!=", "<=", ">=", "<", ">"];

    /// <summary>The parts, or null where the text is no fact.</summary>
    public static ParsedFact? Parse(Fact fact)
    {
        foreach (var sign in Operators)
        {
            var at = fact.Text.IndexOf(sign, StringComparison.Ordinal);
            if (at < 0) continue;
            var (left, right) = (fact.Text.Substring(0, at), fact.Text.Substring(at + sign.Length));
            var modulo = left.IndexOf('%');
            var (dividend, divisor) = modulo < 0 ? (left, null) : (left.Substring(0, modulo), left.Substring(modulo + 1));
            if (SizeText.Parse(dividend) is not { } l || SizeText.Parse(right) is not { } r) return null;
            var m = divisor is null ? null : SizeText.Parse(divisor);
            return divisor is not null && m is null ? null : new(fact, l, m, sign, r);
        }
        return null;
    }

    /// <summary>True where it says that a size is a multiple of another.</summary>
    public bool IsMultiple => Modulus is not null && Operator == "==" && Right is Expr.Int { Value: 0 };
}

/// <summary>What one module knows: sizes, members, facts and the layers with their sizes.</summary>
public sealed class ModuleScope
{
    private readonly Action<Finding> report;
    private readonly HashSet<string> promises = [];                 // of layers, asked for
    private readonly HashSet<(Dim, Dim)> asked = [];                // quotients whose promise was asked for

    /// <summary>Reads declarations; findings go to <paramref name="report"/> as id, message, place, start, length.</summary>
    public ModuleScope(ModuleUnit unit, IReadOnlyDictionary<string, ModuleContract> contracts, Action<Finding> report)
    {
        (Unit, Contracts, this.report) = (unit, contracts, report);
        foreach (var size in unit.Sizes) Facts.Declare(size.Name);
        Parsed = ReadFacts();
        DefineMembers();
        RelateSizes();
        Layers = unit.Layers.ToDictionary(l => l.Field, Resolve);
        foreach (var layer in Layers.Values) CheckContract(layer);
        foreach (var layer in Layers.Values.Where(l => l.IsComplete)) InitChecker.Check(this, layer, report);
        CheckKeys();
        Recursive = RecursionChecker.Find(unit, report);
    }

    /// <summary>What was written.</summary>
    public ModuleUnit Unit { get; }

    /// <summary>Contracts of the modules that occur, by full name.</summary>
    public IReadOnlyDictionary<string, ModuleContract> Contracts { get; }

    /// <summary>What is known of sizes.</summary>
    public SizeFacts Facts { get; } = new();

    /// <summary>Members whose definitions were refused; what names them stays silent.</summary>
    public HashSet<string> Broken { get; } = [];

    /// <summary>Graphs that call themselves; reported, so calls of them stay silent.</summary>
    public HashSet<string> Recursive { get; }

    /// <summary>Facts that could be read.</summary>
    public IReadOnlyList<ParsedFact> Parsed { get; }

    /// <summary>Layers by field.</summary>
    public IReadOnlyDictionary<string, ResolvedLayer> Layers { get; }

    /// <summary>A declared fact could not be read and is reported: it may be what a proof lacks.</summary>
    public bool HasUnreadFact { get; private set; }

    private List<ParsedFact> ReadFacts()
    {
        var parsed = new List<ParsedFact>();
        var names = new HashSet<string>(Unit.Sizes.Select(s => s.Name).Concat(Unit.Members.Select(m => m.Name)));
        foreach (var fact in Unit.Facts)
        {
            if (ParsedFact.Parse(fact) is not { } p)
            {
                HasUnreadFact = true;
                report(new("SEM0101", $"[Require(\"{fact.Text}\")] is no fact about sizes; write for example \"D % H == 0\" or \"Q <= L\"", fact.Id, -1, 0));
                continue;
            }
            if (Expressions.SizeNames(p.Left).Concat(p.Modulus is null ? [] : Expressions.SizeNames(p.Modulus)).Concat(Expressions.SizeNames(p.Right)).FirstOrDefault(n => !names.Contains(n)) is { } unknown)
            {
                HasUnreadFact = true;
                report(new("SEM0101", $"size `{unknown}` is not known here; known are {string.Join(", ", names)}{Nearest.Suggest(unknown, names)}", fact.Id, fact.Text.IndexOf(unknown, StringComparison.Ordinal), unknown.Length, Nearest.Of(unknown, names) ?? ""));
                continue;
            }
            parsed.Add(p);
        }
        // members may occur in facts and facts in members (D / H % 2 == 0 after D % H == 0): what can be read comes first
        var open = parsed.Where(p => p.IsMultiple).ToList();
        for (var before = -1; open.Count != before;)
        {
            before = open.Count;
            open.RemoveAll(p =>
            {
                if (Plain(p.Left, 0) is not { } left || Plain(p.Modulus!, 0) is not { } right) return false;
                Facts.RequireMultiple(left, right);
                return true;
            });
        }
        return parsed;
    }

    private const int DeepestMember = 32;                           // members in a circle are reported elsewhere

    // as declared, with members replaced by their definitions where the facts read so far allow it
    private Dim? Plain(Expr e, int depth) => depth > DeepestMember ? null : Expressions.Evaluate(e, name => Unit.Sizes.Any(s => s.Name == name) ? Dim.Symbol(name)
        : Unit.Members.FirstOrDefault(m => m.Name == name) is { } member ? Plain(member.Value, depth + 1) : null, Facts.Divide);

    // what is no quotient: equations and inequalities over sizes and members
    private void RelateSizes()
    {
        foreach (var fact in Parsed.Where(p => p.Modulus is null))
        {
            if (Expressions.Evaluate(fact.Left, n => Facts[n], Facts.Divide) is not { } left || Expressions.Evaluate(fact.Right, n => Facts[n], Facts.Divide) is not { } right) continue;
            switch (fact.Operator)
            {
                case "==": Facts.RequireZero(left - right); break;
                case ">=": Facts.RequireNeverNegative(left - right); break;
                case ">": Facts.RequireNeverNegative(left - right - 1); break;
                case "<=": Facts.RequireNeverNegative(right - left); break;
                case "<": Facts.RequireNeverNegative(right - left - 1); break;
            }
        }
    }

    /// <summary>A size as the text of a fact: <c>4*F</c>.</summary>
    public string FactText(Dim size) => Facts.Text(size).Replace(" * ", "*");

    /// <summary>The attribute that promises a fact.</summary>
    public static string Promise(string fact) => $"[Require(\"{fact}\")]";

    /// <summary>The failure itself, or "cannot prove" where the two sizes agree wherever the facts were tried.</summary>
    public CheckFailure Decide(Dim found, Dim wanted, CheckFailure failure) => Witness.MayBeEqual(this, found, wanted) ? Witness.Unproven(this, found, wanted, failure) : failure;

    private void DefineMembers()
    {
        var done = new Dictionary<string, Dim?>();
        var open = new List<string>();
        Dim? Member(string name)
        {
            if (Facts[name] is { } known && Unit.Members.All(m => m.Name != name)) return known;
            if (done.TryGetValue(name, out var size)) return size;
            if (Unit.Members.FirstOrDefault(m => m.Name == name) is not { } member) return null;
            if (open.Contains(name))
            {
                report(new("SEM0102", $"size `{name}` is defined in terms of itself: {string.Join(" → ", open.SkipWhile(n => n != name).Concat([name]))}", member.Id, -1, 0));
                return done[name] = null;
            }
            open.Add(name);
            size = Expressions.Evaluate(member.Value, Member, (n, d) => Divide(n, d, member.Value, report));
            open.Remove(name);
            if (size is null) Broken.Add(name);
            else if (!done.ContainsKey(name)) Facts.Define(name, size);
            return done.TryGetValue(name, out var circular) ? circular : done[name] = size;
        }
        foreach (var member in Unit.Members) Member(member.Name);
    }

    /// <summary>The exact quotient; where it need not be whole, SEM0120 and null.</summary>
    public Dim? Divide(Dim numerator, Dim denominator, Expr at, Action<Finding> report)
    {
        if (Facts.Divide(numerator, denominator) is { } exact) return exact;
        // (S - P) / P is whole where S / P is: one promise answers all of them
        var open = Facts.Normalise(numerator).Modulo(Facts.Normalise(denominator));
        if (!asked.Add((open, Facts.Normalise(denominator)))) return null;
        var (n, d, promise) = (Facts.Show(numerator), Facts.Show(denominator), Promise(Multiple(open, denominator)));
        report(new("SEM0120", $"`{Bracket(n)} / {Bracket(d)}` may not be a whole number; add {promise}", at.Id, Fix: promise));
        return null;
    }

    /// <summary>True where the promise that a quotient needs was asked for.</summary>
    public bool IsAsked(Dim numerator, Dim denominator) => asked.Contains((Facts.Normalise(numerator).Modulo(Facts.Normalise(denominator)), Facts.Normalise(denominator)));

    /// <summary>The fact that a size is a multiple of another: <c>D % 4 == 0</c>.</summary>
    internal string Multiple(Dim size, Dim of) => $"{Factor(FactText(size))} % {Factor(FactText(of))} == 0";

    private static string Factor(string text) => text.IndexOfAny(['+', '-', '*', '/', ' ']) >= 0 ? $"({text})" : text;

    private static string Bracket(string text) => text.Contains(' ') ? $"({text})" : text;

    /// <summary>Evaluates a size in the module's own words; null where something is unknown and reported.</summary>
    public Dim? Evaluate(Expr e, Func<Expr, Dim?>? local = null, Action<Finding>? to = null)
        => Expressions.Evaluate(e, name => Facts[name], (n, d) => Divide(n, d, e, to ?? report), local);

    private ResolvedLayer Resolve(LayerField field)
    {
        var sizes = new Dictionary<string, Dim>();
        var complete = true;
        foreach (var a in field.Sizes)
            if (Evaluate(a.Value) is { } size) sizes[a.Parameter] = size;
            else complete = false;
        var shape = field.Shape.Count == 0 && field.Kind is not (LayerKind.Weight or LayerKind.Constant) ? null : field.Shape.Select(e => Evaluate(e)).ToList();
        if (shape is not null && shape.Any(s => s is null)) complete = false;
        return new(field, sizes, complete ? shape?.Select(s => s!).ToList() : null, field.Count is null ? null : Evaluate(field.Count), complete);
    }

    private void CheckContract(ResolvedLayer layer)
    {
        if (layer.Field.Kind != LayerKind.Module || !layer.IsComplete || !Contracts.TryGetValue(layer.Field.Type, out var callee)) return;
        var name = callee.FullName.Substring(callee.FullName.LastIndexOf('.') + 1);
        var arguments = string.Join(", ", layer.Field.Sizes.Select(a => layer.Sizes.TryGetValue(a.Parameter, out var s) ? Facts.Show(s) : "?"));
        for (var i = 0; i < callee.Facts.Count; i++)
        {
            if (ParsedFact.Parse(callee.Facts[i]) is not { } p) continue;
            Dim? Size(string n) => layer.Sizes.TryGetValue(n, out var s) ? s : callee.Members.FirstOrDefault(m => m.Name == n) is { } member ? Expressions.Evaluate(member.Value, Size, Facts.Divide) : null;
            var (left, modulus, right) = (Expressions.Evaluate(p.Left, Size, Facts.Divide), p.Modulus is null ? null : Expressions.Evaluate(p.Modulus, Size, Facts.Divide), Expressions.Evaluate(p.Right, Size, Facts.Divide));
            if (left is null || right is null || p.Modulus is not null && modulus is null) continue;
            if (FactProver.Holds(Facts, left, modulus, p.Operator, right, Parsed, this)) continue;
            var fact = new Related(callee.FullName, RelatedKind.Fact, i.ToString(System.Globalization.CultureInfo.InvariantCulture));
            if (left.Number is { } x && right.Number is { } y && (modulus is null || modulus.Number is > 0))
            {
                var because = p.Fact.Because is null ? "" : $" ({p.Fact.Because})";
                report(new("SEM0111", $"new {name}({arguments}) breaks {callee.Facts[i].Text} of {name}{because}: {(modulus?.Number is { } m ? $"{x} % {m} is {x % m}" : $"{x} {p.Operator} {y} does not hold")}", layer.Field.Id, Related: new([fact])));
                continue;
            }
            if (FactProver.Fails(Facts, left, modulus, p.Operator, right))
            {
                report(new("SEM0111", $"new {name}({arguments}) breaks {callee.Facts[i].Text} of {name}{(p.Fact.Because is null ? "" : $" ({p.Fact.Because})")}: {FactText(left)} {p.Operator} {FactText(right)} never holds", layer.Field.Id, Related: new([fact])));
                continue;
            }
            // D + H is a multiple of H where D is
            var promise = modulus is null ? $"{FactText(left)} {p.Operator} {FactText(right)}"
                : p.IsMultiple ? Multiple(Facts.Normalise(left).Modulo(Facts.Normalise(modulus)), modulus) : $"{Factor(FactText(left))} % {Factor(FactText(modulus))} {p.Operator} {FactText(right)}";
            if (!promises.Add(promise)) continue;                                            // asked for already: one promise answers all sites
            report(new("SEM0111", $"new {name}({arguments}) needs {promise}, which {Unit.Name} does not promise; add {Promise(promise)} to {Unit.Name}", layer.Field.Id, Fix: Promise(promise), Related: new([fact])));
        }
    }

    // the field's name with a number behind it, which is free
    private string LayerKey(LayerField layer)
    {
        for (var n = 2; ; n++)
            if ($"{layer.Key}_{n}" is var key && Unit.Layers.All(l => l.Key != key)) return key;
    }

    private void CheckKeys()
    {
        var seen = new Dictionary<string, LayerField>();
        foreach (var layer in Unit.Layers)
            if (seen.TryGetValue(layer.Key, out var first)) report(new("SEM0104", $"layers `{first.Field}` and `{layer.Field}` both map to key \"{layer.Key}\"; use [Key(\"…\")]", layer.Place, Fix: $"[Key(\"{LayerKey(layer)}\")]", Related: new([new("", RelatedKind.Layer, first.Field)])));
            else
            {
                seen[layer.Key] = layer;
                if (layer.Key.Split('.').Any(part => part.Trim().Length == 0))
                    report(new("SEM0104", $"key \"{layer.Key}\" of layer `{layer.Field}` is no path; write names with dots between them, for example \"head.fc\"", layer.Place));
                else if (Unit.Layers.FirstOrDefault(l => l != layer && (l.Key.StartsWith(layer.Key + ".", StringComparison.Ordinal) || layer.Key.StartsWith(l.Key + ".", StringComparison.Ordinal)) && seen.ContainsKey(l.Key)) is { } other)
                    report(new("SEM0104", $"layers `{other.Field}` (\"{other.Key}\") and `{layer.Field}` (\"{layer.Key}\") cannot both have these keys: what is a layer is no group; use [Key(\"…\")]", layer.Place, Related: new([new("", RelatedKind.Layer, other.Field)])));
            }
    }
}

/// <summary>A layer with its sizes evaluated.</summary>
public sealed record ResolvedLayer(LayerField Field, IReadOnlyDictionary<string, Dim> Sizes, IReadOnlyList<Dim>? Shape, Dim? Count, bool IsComplete);

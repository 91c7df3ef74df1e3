using System.Text;
using System.Text.RegularExpressions;

namespace SemAim.RandomModules;

/// <summary>Writes one module: sizes and facts, then graphs, which ask for the layers they need.</summary>
internal sealed partial class ModuleWriter
{
    private const int MostGraphs = 2;

    private readonly List<string> fields = [];
    private readonly List<string> graphs = [];
    private readonly List<string> functions = [];
    private readonly Dictionary<string, string> calls = [];          // member → the static function that initialisers call for it
    private readonly Dictionary<string, string> made = [];           // what a field's initialiser says → its name
    private readonly Dictionary<string, int> numbers = [];
    private readonly SortedSet<string> hypers = [];

    internal ModuleWriter(string name, Random random, Slip slip, IReadOnlyList<ModuleWriter> others, bool isBlock)
    {
        (Name, Random, Slip, Others) = (name, random, slip, others);
        Sizes = new(random);
        foreach (var (member, _, _, _, _) in Sizes.Members)
            if (random.Next(2) == 0) Function(member);
        for (var n = isBlock ? 1 : random.Next(1, MostGraphs + 1); n > 0; n--)
        {
            var graph = new GraphWriter(this, n == 1 ? "Forward" : "Other", isPrivate: false, isBlock, Contracts);
            Contracts.Add(graph.Write());
            graphs.Add(graph.Text);
        }
        IsBlock = isBlock;
    }

    internal string Name { get; }
    internal Random Random { get; }
    internal Slip Slip { get; }
    internal SizeScope Sizes { get; }

    /// <summary>Modules that stand above this one.</summary>
    internal IReadOnlyList<ModuleWriter> Others { get; }

    /// <summary>Public graphs.</summary>
    internal List<Contract> Contracts { get; } = [];

    /// <summary>Its graph gives the shape that it takes.</summary>
    internal bool IsBlock { get; }

    internal bool HasRate => hypers.Contains("double rate");

    /// <summary>The hyper-parameters, as the constructor takes them behind the sizes.</summary>
    internal IReadOnlyCollection<string> Hypers => hypers;

    /// <summary>A name for a hyper-parameter: <c>double rate</c>, <c>bool gated</c>.</summary>
    internal string Hyper(string declaration)
    {
        hypers.Add(declaration);
        return declaration.Split(' ')[1];
    }

    /// <summary>A field; one that says the same is used again now and then.</summary>
    internal string Field(string type, string stem, string arguments)
    {
        var declaration = $"{type} = new({arguments})";
        if (made.TryGetValue(declaration, out var old) && Random.Next(3) == 0) return old;
        var name = Fresh(stem);
        made[declaration] = name;
        fields.Add($"{(Random.Next(12) == 0 ? $"[Key(\"key{fields.Count}.{name}\")] " : "")}private readonly {type} {name} = new({arguments});");
        return name;
    }

    /// <summary>Layers of a type: an author may take the wrong one.</summary>
    internal IEnumerable<string> Fields(string type) => made.Where(m => m.Key.StartsWith(type + " ", StringComparison.Ordinal)).Select(m => m.Value);

    /// <summary>A private graph, written while another one is.</summary>
    internal void Add(string graph) => graphs.Add(graph);

    internal string Fresh(string stem) => $"{stem}{numbers[stem] = numbers.GetValueOrDefault(stem) + 1}";

    /// <summary>A size as initialisers write it, which cannot read members.</summary>
    internal string Initial(Size size) => Initial(size.Text);

    private string Initial(string text) => Identifier().Replace(text, m => calls.TryGetValue(m.Value, out var call) ? call
        : Sizes.Members.FirstOrDefault(x => x.Name == m.Value) is { Name: not null } member ? $"({Initial(member.Text)})" : m.Value);

    private void Function(string member)
    {
        var text = Initial(Sizes.Members.First(m => m.Name == member).Text);
        var names = Identifier().Matches(text).Select(m => m.Value).Distinct().Where(n => Sizes.Parameters.Any(p => p.Text == n)).ToList();
        functions.Add($"private static int Of{member}({string.Join(", ", names.Select(n => "int " + n))}) => {text};");
        calls[member] = $"Of{member}({string.Join(", ", names)})";
    }

    internal string Text
    {
        get
        {
            var text = new StringBuilder();
            text.AppendLine("[Module]");
            foreach (var fact in Sizes.Facts)
                text.AppendLine(Slip.At("a fact is not promised", $"[Require(\"{fact.Text}\")]", "") is var line && line.Length > 0 ? line : "");
            var parameters = Sizes.Parameters.Select(p => "int " + p.Text).Concat(hypers.Select(h => h));
            text.AppendLine($"public sealed partial class {Name}({string.Join(", ", parameters)}) : GraphModule");
            text.AppendLine("{");
            foreach (var function in functions) text.AppendLine("    " + function);
            foreach (var (member, definition, _, _, _) in Sizes.Members)
                text.AppendLine($"    private int {member} => {(calls.TryGetValue(member, out var call) && Random.Next(2) == 0 ? call : Slip.At("a member is another size", definition, definition + " + 1", definition.Replace(" / ", " * ", StringComparison.Ordinal), definition + " - 1"))};");
            foreach (var layer in fields) text.AppendLine("    " + layer);
            foreach (var graph in graphs) text.AppendLine().Append(graph);
            if (Random.Next(3) == 0 && Published() is { } numbers)
            {
                var at = Random.Next(numbers.Count);
                var arguments = numbers.Select((n, i) => i == at ? Slip.At("a published number is another", $"{n}", $"{n + 1}", "0") : $"{n}");
                text.AppendLine().AppendLine($"    [Variant(\"small\")]\n    public static {Name} Small() => new({string.Join(", ", arguments.Concat(hypers.Select(h => h.StartsWith("bool", StringComparison.Ordinal) ? "true" : h.StartsWith("double", StringComparison.Ordinal) ? "0.1" : "default")))});");
            }
            return text.AppendLine("}").ToString();
        }
    }

    // numbers for which the facts hold
    private List<long>? Published()
    {
        for (var n = 0; n < 400; n++)
        {
            var numbers = Sizes.Parameters.Select(_ => (long)Random.Next(1, 9)).ToList();
            long Of(Size s) => s.With(name => Sizes.Parameters.FindIndex(p => p.Text == name) is >= 0 and var i ? Size.Of(numbers[i]) : null)!.Least;
            if (Sizes.Facts.All(f => f.Kind switch { "%" => Of(f.Left) % Of(f.Right) == 0, "==" => Of(f.Left) == Of(f.Right), ">=" => Of(f.Left) >= Of(f.Right), "<=" => Of(f.Left) <= Of(f.Right), _ => Of(f.Left) < Of(f.Right) })) return numbers;
        }
        return null;
    }

    [GeneratedRegex(@"[A-Za-z_]\w*")]
    private static partial Regex Identifier();
}

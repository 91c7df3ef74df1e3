using System.Collections.Generic;
using System.Linq;

namespace SemAim.Generators.Ir;

/// <summary>How generated code names what it stands on: by one word where the author leaves that word free, else in full.</summary>
public sealed class RuntimeNames
{
    private const string Dsl = "SemAim.Dsl.";

    private static readonly Dictionary<string, string> Meanings = new()
    {
        ["torch"] = "TorchSharp.torch",
        ["Functional"] = "TorchSharp.torch.nn.functional",
        ["Tensor"] = "TorchSharp.torch.Tensor",
        ["Number"] = "SemAim.Runtime.Tensors.Number",
        ["Reference"] = Dsl + "Run",
    };

    private static readonly string[] Own =
        ["Guard", "Kernels", "AttentionBias", "Trace", "Ties", "Sym", "GraphModule", "Draws", "BackwardCutter", "PassChange", "GraphCost", "GraphSummary", "GraphSize", "GraphWeight"];

    /// <summary>Members that the generated part adds for readers; a module that has one of that name keeps its own.</summary>
    public static IReadOnlyList<string> Members { get; } = ["Mermaid", "Costs", "PassChanges", "Register"];

    /// <summary>Every word that a module may hide.</summary>
    public static IEnumerable<string> Words => [.. Meanings.Keys, .. Own];

    /// <summary>Words that stand for a type of another name.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Aliases => Meanings;

    private readonly HashSet<string> hidden;

    /// <summary>The names for a module that gives some of the words, or members of the generated part, to something else.</summary>
    public RuntimeNames(IEnumerable<string> hidden) => this.hidden = [.. hidden];

    /// <summary>The names inside a method whose parameters and locals hide more.</summary>
    public RuntimeNames Within(IEnumerable<string> names) => new(hidden.Concat(names));

    /// <summary>True where the word means something else here.</summary>
    public bool IsHidden(string word) => hidden.Contains(word);

    /// <summary>C# for what a word stands for.</summary>
    public string this[string word] => hidden.Contains(word) ? "global::" + (Meanings.TryGetValue(word, out var meaning) ? meaning : Dsl + word) : word;
}

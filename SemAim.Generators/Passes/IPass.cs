using SemAim.Generators.Ir;

namespace SemAim.Generators.Passes;

/// <summary>A transformation of a checked graph that keeps its values.</summary>
public interface IPass
{
    /// <summary>Name for logs and tests.</summary>
    string Name { get; }

    /// <summary>Changes the graph in place; contracts of callees are at hand.</summary>
    void Run(CheckedGraph graph);
}

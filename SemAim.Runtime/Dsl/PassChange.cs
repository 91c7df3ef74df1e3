namespace SemAim.Dsl;

/// <summary>What a pass of the compiler changed in a graph.</summary>
/// <param name="Graph">name of the graph</param>
/// <param name="Pass">name of the pass</param>
/// <param name="Changes">operations taken out (−) and put in (+), moved out of a loop or made smaller; the body of a loop counts once</param>
public sealed record PassChange(string Graph, string Pass, string Changes);
